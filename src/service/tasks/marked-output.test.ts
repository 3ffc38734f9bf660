import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { MarkedOutput, type ShellMark } from './marked-output.ts';

const word = '0123456789abcdef';
const mark = (letter: string, number: number): string => `\u{1E}${word} ${letter} ${number}\u{1E}`;

function readPieces(pieces: readonly Buffer[]): { text: string; marks: readonly ShellMark[] } {
  let text = '';
  const marks: ShellMark[] = [];
  const output = new MarkedOutput(
    word,
    (piece) => (text += piece.toString('latin1')),
    (found) => marks.push(found),
  );
  for (const piece of pieces) output.push(piece);
  output.end();
  return { text, marks };
}

describe('marks in output', () => {
  it('are found wherever the pieces are cut, and nothing else is lost', () => {
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\u{1E}'), maxLength: 12 });
    const part = fc.oneof(
      plain.map((text) => ({ text, mark: undefined })),
      fc.tuple(fc.constantFrom('b', 'e'), fc.nat(99_999)).map(([letter, number]) => ({
        text: mark(letter, number),
        mark: letter === 'b' ? { kind: 'begun', pid: number } : { kind: 'ended', status: number },
      })),
    );
    fc.assert(
      fc.property(fc.array(part), fc.array(fc.integer({ min: 1, max: 9 })), (parts, sizes) => {
        const all = Buffer.from(parts.map(({ text }) => text).join(''), 'latin1');
        const pieces: Buffer[] = [];
        for (let at = 0, index = 0; at < all.length; index++) {
          const size = sizes[index] ?? all.length;
          pieces.push(all.subarray(at, at + size));
          at += size;
        }
        const { text, marks } = readPieces(pieces);
        const wanted = parts.filter((each) => each.mark === undefined).map((each) => each.text);
        assert.equal(text, wanted.join(''));
        assert.deepEqual(
          marks,
          parts.flatMap((each) => each.mark ?? []),
        );
      }),
    );
  });

  it('have the right word, letter and number', () => {
    for (const text of [
      mark('x', 1),
      mark('e', 1).replace('0', '1'),
      `\u{1E}${word} e\u{1E}`,
      `\u{1E}${word} e -1\u{1E}`,
      `\u{1E}${word} e 1 1\u{1E}`,
      `\u{1E}${word} e 1`,
    ])
      assert.deepEqual(readPieces([Buffer.from(text)]), { text, marks: [] });
  });
});
