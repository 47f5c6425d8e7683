// @ts-check
// How `changeset version` writes a change into CHANGELOG.md. Without a network, unlike the generators that
// ask GitHub for authors; and without the list of dependencies that moved too: all packages share one version.

const commits = "https://github.com/clip-ts/clip-ts/commit";

/**
 * A changeset as one item of a list, with its commit where git knows it.
 * @param {{ readonly summary: string, readonly commit?: string | undefined }} changeset
 * @returns {Promise<string>}
 */
export async function getReleaseLine({ summary, commit }) {
  const [first, ...others] = summary.trim().split("\n");
  const link = commit === undefined ? "" : ` ([${commit.slice(0, 7)}](${commits}/${commit}))`;
  return [`- ${first}${link}`, ...others.map((line) => `  ${line}`.trimEnd())].join("\n");
}

/** @returns {Promise<string>} */
export async function getDependencyReleaseLine() {
  return "";
}
