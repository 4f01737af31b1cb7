// ldapts writes lengths of three octets at most, so a request of 16 MB or more fails in its writer (9.2.0). Lists grow to 35 MB: for
// these lengths its writer is given the form of four octets (X.690 §8.1.3.5), and all else is left as it is. Part of the door to LDAP.

import { BerWriter } from 'ldapts';

/** What the writer keeps of its own; a version that keeps something else fails the test of long lists. */
type Inside = {
  readonly data: Buffer;
  currentOffset: number;
  readonly sequenceOffsets: number[];
  ensureCapacity(octets: number): void;
  shiftContent(start: number, length: number, shift: number): void;
};

const THREE_OCTETS = 0xff_ff_ff;
/** What the writer leaves for the length of a sequence that it does not know yet. */
const LEFT = 3;
const FOUR_OCTETS = 0x84;

/** Lets every writer of this process write lengths up to 4 GB; may be called again. */
export function allowLongRequests(): void {
  BerWriter.prototype.writeLength = writeAnyLength;
  BerWriter.prototype.endSequence = endAnySequence;
}

const { writeLength, endSequence } = BerWriter.prototype;
const inside = (writer: BerWriter): Inside => writer as unknown as Inside;

function writeAnyLength(this: BerWriter, length: number): void {
  if (length <= THREE_OCTETS) {
    writeLength.call(this, length);
    return;
  }
  const writer = inside(this);
  writer.ensureCapacity(5);
  writer.data[writer.currentOffset] = FOUR_OCTETS;
  writer.data.writeUInt32BE(length, writer.currentOffset + 1);
  writer.currentOffset += 5;
}

function endAnySequence(this: BerWriter): void {
  const writer = inside(this);
  const start = writer.sequenceOffsets.at(-1) ?? 0;
  const length = writer.currentOffset - start - LEFT;
  // its own form moves the content by an octet without asking for the room
  writer.ensureCapacity(2);
  if (length <= THREE_OCTETS) {
    endSequence.call(this);
    return;
  }
  writer.sequenceOffsets.pop();
  writer.shiftContent(start + LEFT, length, 2);
  writer.data[start] = FOUR_OCTETS;
  writer.data.writeUInt32BE(length, start + 1);
}
