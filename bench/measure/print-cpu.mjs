// Imported before a program: says on stderr, when it ends, how much processor time and memory it took.
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  process.stderr.write(`\ncpu-seconds ${(user + system) / 1e6} peak-mib ${process.resourceUsage().maxRSS / 1024}\n`);
});
