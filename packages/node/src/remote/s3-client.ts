import type * as Sdk from "@aws-sdk/client-s3";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { ClipError } from "@clip-ts/base";
import type { RemoteSettings, S3Options } from "./remote-options.ts";

/** The AWS SDK's part for S3, which is installed by whoever reads from s3://. */
export type S3Sdk = typeof Sdk;

/** The optional package. @throws ClipError "unsupported" that says how to get it. */
export async function loadSdk(): Promise<S3Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    const reason = isAbsent ? "is not installed" : `cannot be loaded (${(cause as Error).message})`;
    const message = `s3:// is read by the package @aws-sdk/client-s3, which ${reason}: npm install @aws-sdk/client-s3@3`;
    throw new ClipError("unsupported", message, { cause });
  }
}

const given = (name: string): string | undefined => {
  const value = process.env[name];
  return value === "" ? undefined : value;
};

/** Where and how a store is spoken to. */
function addressing({ endpoint, region, forcePathStyle }: S3Options): S3ClientConfig {
  const address = endpoint ?? given("AWS_ENDPOINT_URL_S3") ?? given("AWS_ENDPOINT_URL");
  const known = region ?? given("AWS_REGION") ?? given("AWS_DEFAULT_REGION") ?? (address && "us-east-1");
  return {
    ...(known !== undefined && { region: known }),
    ...(address !== undefined && { endpoint: address }),
    forcePathStyle: forcePathStyle ?? address !== undefined,
    followRegionRedirects: address === undefined,
  };
}

/** Whether the store is AWS's own, whose ETags of whole files are known to be MD5. */
export const isAmazon = ({ s3 = {} }: RemoteSettings): boolean => addressing(s3).endpoint === undefined;

/** A client that asks once: tries are counted by whoever calls it, and sums checked when a file is whole. */
export function makeClient({ S3Client }: S3Sdk, { s3 = {}, timeout }: RemoteSettings): S3Client {
  const unsigned: S3ClientConfig = {
    credentials: { accessKeyId: "", secretAccessKey: "" },
    signer: { sign: (request) => Promise.resolve(request) },
  };
  return new S3Client({
    ...addressing(s3),
    ...(s3.credentials !== undefined && { credentials: s3.credentials }),
    ...(s3.unsigned === true && unsigned),
    maxAttempts: 1,
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: timeout, socketTimeout: 0 },
  });
}
