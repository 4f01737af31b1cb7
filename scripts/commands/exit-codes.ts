// One exit code for each kind of end; scripts may rely on them.

/** What each exit code means; `igc --help` prints these lines. 69 and 78 are those of sysexits(3). */
export const EXIT_CODES = {
  ok: [0, 'done, or there already'],
  bug: [1, 'a bug of ours; the error is on stderr'],
  usage: [2, 'wrong arguments'],
  refused: [3, 'refused by policy or by the state of things; `code` on stderr says why'],
  notFound: [4, 'there is no such certificate, authority, structure …'],
  unhealthy: [5, '`igc doctor` or `igc ocsp status` found something that fails'],
  outage: [69, 'token, database or signer is away; try again'],
  configuration: [78, 'the environment, the policies or HIERARCHY_DIRECTORY are not usable'],
} as const satisfies Record<string, readonly [number, string]>;
