// The path of a request as it was sent, percent-decoded once. Fastify's router is not asked: OCSP requests in the path carry
// `/`, `+` and `%2F`, and are longer than any parameter.

/** The decoded path, beginning with `/`; undefined when its percent-encoding is broken. Query and authority are dropped. */
export function decodedPath(target: string): string | undefined {
  // RFC 9112 §3.2.2 absolute-form: proxies may send the whole URL
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '');
  try {
    return decodeURIComponent(path === '' ? '/' : path);
  } catch {
    return undefined;
  }
}
