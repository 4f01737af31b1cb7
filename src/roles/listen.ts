// `host:port` as configured, taken apart.

/** The two parts of a listen address; brackets around an IPv6 host are removed. config.ts has checked the form. */
export function parseListen(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}
