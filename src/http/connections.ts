// How many connections are open at once, in all and from one address. One too many is closed before a byte of it is read: that
// costs us least, and a client of good will tries again.

import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ServerLimits } from './limits.ts';

/** Closes what is too much; `letConnect` may turn away more, by address. Call it before the server listens. */
export function capConnections(
  { server }: FastifyInstance,
  limits: Pick<ServerLimits, 'maxConnections' | 'maxConnectionsPerAddress'>,
  letConnect: (address: string) => boolean = () => true,
): void {
  const open = new Map<string, number>();
  // beyond it Node closes what it has just accepted
  server.maxConnections = limits.maxConnections;
  server.on('connection', (socket: Socket) => {
    const address = networkOf(socket.remoteAddress);
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (count > limits.maxConnectionsPerAddress || !letConnect(address)) socket.destroy();
  });
}

/**
 * What counts as one address: of IPv6 the network of 64 bits, in which one host may take any address (RFC 4291 §2.5.4). It is the
 * address of the connection: headers in which somebody claims another are never read.
 */
export function networkOf(remoteAddress: string | undefined): string {
  const address = (remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? 0 : tail.split(':').length;
  const zeros = tail === undefined ? 0 : 8 - groups.length - after;
  return [...groups, ...Array<string>(zeros).fill('0'), ...(tail ?? '').split(':')].slice(0, 4).join(':');
}
