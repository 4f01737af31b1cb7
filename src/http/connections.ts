// How many connections are open at once, in all and from one address. One too many is closed before a byte of it is read: that
// costs us least, and a client of good will tries again.

import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ApiLimits, ServerLimits } from './limits.ts';

type Caps = Pick<ServerLimits, 'maxConnections' | 'maxConnectionsPerAddress'> & Partial<Pick<ApiLimits, 'strangers'>>;

/** The rest of a server's judgement: what each address may do, and whether it has a good name. */
type Door = {
  /** whether one more connection of this address is worth a handshake */
  letConnect(address: string): boolean;
  /** whether somebody was recognised behind this address lately */
  knows(address: string): boolean;
};

const OPEN_DOOR: Door = { letConnect: () => true, knows: () => false };

/**
 * Closes what is too much; `door` may turn away more, by address. Call it before the server listens. What it answers is to be told
 * of each connection behind which somebody was recognised: it counts among the strangers no longer.
 */
export function capConnections(
  { server }: FastifyInstance,
  limits: Caps,
  { letConnect, knows }: Door = OPEN_DOOR,
): (socket: Socket) => void {
  const open = countByAddress();
  const strange = countByAddress();
  const strangers = new Map<string, { readonly leave: () => void }>();
  // beyond it Node closes what it has just accepted
  server.maxConnections = limits.maxConnections;

  function isTooMuch(address: string): boolean {
    if (open.of(address) > limits.maxConnectionsPerAddress) return true;
    if (limits.strangers === undefined) return false;
    const { perAddress, perKnownAddress, inAll } = limits.strangers;
    return strange.inAll() > inAll || strange.of(address) > (knows(address) ? perKnownAddress : perAddress);
  }

  server.on('connection', (socket: Socket) => {
    const address = networkOf(socket.remoteAddress);
    const ends = endsOf(socket);
    const leaveOpen = open.enter(address);
    const stranger = { leave: strange.enter(address) };
    strangers.set(ends, stranger);
    socket.once('close', () => {
      leaveOpen();
      stranger.leave();
      if (strangers.get(ends) === stranger) strangers.delete(ends);
    });
    if (isTooMuch(address) || !letConnect(address)) socket.destroy();
  });
  return (socket) => {
    const ends = endsOf(socket);
    strangers.get(ends)?.leave();
    strangers.delete(ends);
  };
}

/** Both ends of a connection: the same for its TLS socket and for the TCP socket below, which Node keeps to itself. */
const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;

function countByAddress() {
  const counts = new Map<string, number>();
  let all = 0;
  return {
    of: (address: string): number => counts.get(address) ?? 0,
    inAll: (): number => all,
    /** Counts one more; answers how to take it back, once however often it is called. */
    enter(address: string): () => void {
      let inside = true;
      all += 1;
      counts.set(address, (counts.get(address) ?? 0) + 1);
      return () => {
        if (!inside) return;
        inside = false;
        all -= 1;
        const left = (counts.get(address) ?? 1) - 1;
        if (left > 0) counts.set(address, left);
        else counts.delete(address);
      };
    },
  };
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
