// The only way out over HTTP: bounded in time and size, no redirects, and an answer that never throws. Who calls it decides what a
// missing answer means.

export type Question = {
  readonly url: string;
  /** GET without a body, POST with one */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** from the first packet to the last byte, in milliseconds */
  readonly deadlineMs: number;
  /** an answer with more bytes is none */
  readonly maxBytes: number;
  /** only the status is wanted: it is an answer whatever follows it, and an empty body stands for what does */
  readonly statusAlone?: boolean;
};

export type Fetched =
  | { readonly status: number; readonly body: Uint8Array }
  /** in words that name neither address nor content */
  | { readonly fault: string };

/** Asks once. Any status is an answer; a connection that fails, is too slow, or brings too much is a fault. Never throws. */
export async function fetchBounded(question: Question): Promise<Fetched> {
  const { url, body, headers = {}, deadlineMs, maxBytes, statusAlone = false } = question;
  const abort = AbortSignal.timeout(deadlineMs);
  try {
    const response = await fetch(url, {
      ...(body === undefined ? {} : { method: 'POST', body: Buffer.from(body) }),
      headers,
      redirect: 'manual',
      signal: abort,
    });
    if (statusAlone) {
      await readAtMost(response, maxBytes).catch(() => undefined);
      return { status: response.status, body: new Uint8Array() };
    }
    const read = await readAtMost(response, maxBytes);
    return read === undefined ? { fault: `more than ${maxBytes} bytes` } : { status: response.status, body: read };
  } catch (error) {
    return { fault: abort.aborted ? `no answer within ${deadlineMs} ms` : faultOf(error) };
  }
}

/** Stops reading as soon as it is too much, whatever Content-Length promised. */
async function readAtMost({ body }: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // leaving the loop cancels the stream, and with it the connection
  for await (const part of body ?? []) {
    length += part.length;
    if (length > maxBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function faultOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'broken off';
  return `no whole answer (${code})`;
}
