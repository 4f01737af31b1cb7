// Exit codes that supervisors know (sysexits.h): whether it is worth starting again.

export const EXIT = { usage: 64, unavailable: 69, configuration: 78 } as const;
