import { layout } from '../../src/codec/rsync/kernel-layout.ts';
import { get, locals, range } from './text.ts';

const sigma = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
];

const initial = [
  '0x6a09e667f3bcc908',
  '0xbb67ae8584caa73b',
  '0x3c6ef372fe94f82b',
  '0xa54ff53a5f1d36f1',
  '0x510e527fade682d1',
  '0x9b05688c2b3e6c1f',
  '0x1f83d9abfb41bd6b',
  '0x5be0cd19137e2179',
];

/** One mixing of BLAKE2b; `place` counts the words of the message in the round. */
function mixing(names: readonly [number, number, number, number], place: number): string {
  const [a, b, c, d] = names.map((name) => `v${name}`) as [string, string, string, string];
  const word = (offset: number) =>
    `(i64.load (i32.add ${get('p')} (i32.load8_u offset=${offset} ${get('row')})))`;
  const turn = (target: string, other: string, by: number) =>
    `(local.set $${target} (i64.rotr (i64.xor ${get(target)} ${get(other)}) (i64.const ${by})))`;
  const take = (offset: number) =>
    `(local.set $${a} (i64.add (i64.add ${get(a)} ${get(b)}) ${word(offset)}))`;
  const sum = `(local.set $${c} (i64.add ${get(c)} ${get(d)}))`;
  return [
    take(place),
    turn(d, a, 32),
    sum,
    turn(b, c, 24),
    take(place + 1),
    turn(d, a, 16),
    sum,
    turn(b, c, 63),
  ].join('\n');
}

const mixings: readonly [number, number, number, number][] = [
  ...range(4).map((column): [number, number, number, number] => [
    column,
    column + 4,
    column + 8,
    column + 12,
  ]),
  ...range(4).map((first): [number, number, number, number] => [
    first,
    4 + ((first + 1) % 4),
    8 + ((first + 2) % 4),
    12 + ((first + 3) % 4),
  ]),
];

/** `blake2b(p, length)`: BLAKE2b with 32 bytes of output, no key; the digest goes to `layout.digest`. */
export const blake2b = `
  (data (i32.const ${layout.sigma}) "${sigma
    .flat()
    .map((word) => `\\${(word * 8).toString(16).padStart(2, '0')}`)
    .join('')}")
  (func $mix (param $p i32) (param $count i64) (param $last i64)
    (local $row i32) ${locals(
      'i64',
      range(16).map((index) => `v${index}`),
    )}
    ${range(8)
      .map((index) => `(local.set $v${index} (i64.load (i32.const ${layout.state + index * 8})))`)
      .join('\n')}
    ${initial.map((value, index) => `(local.set $v${index + 8} (i64.const ${value}))`).join('\n')}
    (local.set $v12 (i64.xor ${get('v12')} ${get('count')}))
    (local.set $v14 (i64.xor ${get('v14')} ${get('last')}))
    (local.set $row (i32.const ${layout.sigma}))
    (loop $round
      ${mixings.map((names, index) => mixing(names, index * 2)).join('\n')}
      (local.set $row (i32.add ${get('row')} (i32.const 16)))
      (br_if $round (i32.lt_u ${get('row')} (i32.const ${layout.sigma + 12 * 16}))))
    ${range(8)
      .map(
        (index) => `(i64.store (i32.const ${layout.state + index * 8})
          (i64.xor (i64.load (i32.const ${layout.state + index * 8})) (i64.xor ${get(`v${index}`)} ${get(`v${index + 8}`)})))`,
      )
      .join('\n')})
  (func (export "blake2b") (param $p i32) (param $length i32)
    (local $left i32)
    ${initial
      .map(
        (value, index) =>
          `(i64.store (i32.const ${layout.state + index * 8}) (i64.const ${value}))`,
      )
      .join('\n')}
    (i64.store (i32.const ${layout.state})
      (i64.xor (i64.load (i32.const ${layout.state})) (i64.const 0x01010020)))
    (local.set $left ${get('length')})
    (block $rest
      (loop $next
        (br_if $rest (i32.le_u ${get('left')} (i32.const 128)))
        (local.set $left (i32.sub ${get('left')} (i32.const 128)))
        (call $mix ${get('p')} (i64.extend_i32_u (i32.sub ${get('length')} ${get('left')})) (i64.const 0))
        (local.set $p (i32.add ${get('p')} (i32.const 128)))
        (br $next)))
    (memory.fill (i32.const ${layout.tails}) (i32.const 0) (i32.const 128))
    (memory.copy (i32.const ${layout.tails}) ${get('p')} ${get('left')})
    (call $mix (i32.const ${layout.tails}) (i64.extend_i32_u ${get('length')}) (i64.const -1))
    (memory.copy (i32.const ${layout.digest}) (i32.const ${layout.state}) (i32.const 32)))`;
