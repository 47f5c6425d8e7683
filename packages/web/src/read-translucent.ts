import type { Pixels } from "@clip-ts/image";

/** What reading bitmaps through WebGL needs, made once: browsers allow few contexts. */
interface Reader {
  readonly gl: WebGL2RenderingContext;
  readonly largest: number;
}

let reader: Reader | undefined;

/** A context with one texture that is also the frame buffer to read from. */
function createReader(): Reader | undefined {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (gl === null) return undefined;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  return { gl, largest: Number(gl.getParameter(gl.MAX_TEXTURE_SIZE)) };
}

function usableReader(): Reader | undefined {
  if (reader === undefined || reader.gl.isContextLost()) reader = createReader();
  return reader;
}

/**
 * The exact bytes of a bitmap with alpha: WebGL hands them back as they were decoded, where a 2D canvas
 * rounds every colour to what is left after multiplying by alpha. Undefined if the browser has no WebGL
 * or the image is larger than its textures.
 */
export function readTranslucent(bitmap: ImageBitmap): Pixels | undefined {
  const { width, height } = bitmap;
  const usable = usableReader();
  if (usable === undefined || Math.max(width, height) > usable.largest) return undefined;
  const { gl } = usable;
  const data = new Uint8Array(width * height * 4);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  return gl.getError() === gl.NO_ERROR ? { data, width, height, channels: 4 } : undefined;
}
