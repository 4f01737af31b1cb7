// What a program of ours has in its environment beside what a test gives it: where programs are, and where set-up keeps compiled code,
// without which each of the hundreds that a run starts would compile itself for half a second.

const { PATH = '', NODE_COMPILE_CACHE } = process.env;

export const SURROUNDINGS: Readonly<Record<string, string>> = {
  PATH,
  ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
};
