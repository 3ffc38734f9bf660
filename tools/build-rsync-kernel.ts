/**
 * Writes src/codec/rsync/rsync-kernel.ts: the inner loops of librsync's checksums and of the search for known blocks as WebAssembly, from
 * the text below. Run with `node tools/build-rsync-kernel.ts`; a test checks that the file is what this makes.
 */
import { writeFile } from 'node:fs/promises';
import process from 'node:process';

import wabt from 'wabt';

import { layout } from '../src/codec/rsync/kernel-layout.ts';

type Words = 'i32' | 'i32x4';

const get = (name: string): string => `(local.get $${name})`;
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The operations of MD4 on one word, or on the words of four messages at once. */
function operations(words: Words) {
  const bits = words === 'i32' ? 'i32' : 'v128';
  return {
    add: (left: string, right: string) => `(${words}.add ${left} ${right})`,
    and: (left: string, right: string) => `(${bits}.and ${left} ${right})`,
    or: (left: string, right: string) => `(${bits}.or ${left} ${right})`,
    xor: (left: string, right: string) => `(${bits}.xor ${left} ${right})`,
    constant: (value: string) =>
      words === 'i32' ? `(i32.const ${value})` : `(i32x4.splat (i32.const ${value}))`,
    rotate: (name: string, by: number) =>
      words === 'i32'
        ? `(i32.rotl ${get(name)} (i32.const ${by}))`
        : `(v128.or (i32x4.shl ${get(name)} (i32.const ${by})) (i32x4.shr_u ${get(name)} (i32.const ${32 - by})))`,
  };
}

const rounds = [
  { constant: '0', shifts: [3, 7, 11, 19], order: range(16) },
  {
    constant: '0x5a827999',
    shifts: [3, 5, 9, 13],
    order: range(16).map((step) => (step % 4) * 4 + (step >> 2)),
  },
  {
    constant: '0x6ed9eba1',
    shifts: [3, 9, 11, 15],
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
  },
];

/** The 48 steps of MD4 on the locals a, b, c, d; `word` gives the k-th word of the message. */
function md4Steps(words: Words, word: (k: number) => string): string {
  const { add, and, or, xor, constant, rotate } = operations(words);
  const out: string[] = [];
  const names = ['a', 'b', 'c', 'd'];
  rounds.forEach((round, number) => {
    round.order.forEach((k, step) => {
      const [a, b, c, d] = range(4).map((place) => names[(place + 16 - step) % 4]!) as [
        string,
        string,
        string,
        string,
      ];
      const mixed = [
        () => xor(get(d), and(get(b), xor(get(c), get(d)))),
        () => or(and(get(b), get(c)), and(get(d), or(get(b), get(c)))),
        () => xor(xor(get(b), get(c)), get(d)),
      ][number]!();
      const sum = add(add(get(a), word(k)), mixed);
      out.push(
        `(local.set $${a} ${number === 0 ? sum : add(sum, constant(round.constant))})`,
        `(local.set $${a} ${rotate(a, round.shifts[step % 4]!)})`,
      );
    });
  });
  return out.join('\n');
}

/** A loop over `chunks` pieces of 64 bytes from the pointers on: adds them to the state a, b, c, d. */
function md4Chunks(words: Words, pointers: readonly string[], label: string): string {
  const { add } = operations(words);
  const state = ['a', 'b', 'c', 'd'];
  const transpose = range(4)
    .map((group) => {
      const rows = pointers.map(
        (pointer, lane) => `(local.set $r${lane} (v128.load offset=${group * 16} ${get(pointer)}))`,
      );
      const low = (x: string, y: string) =>
        `(i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 ${x} ${y})`;
      const high = (x: string, y: string) =>
        `(i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 ${x} ${y})`;
      const first = (x: string, y: string) =>
        `(i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 ${x} ${y})`;
      const second = (x: string, y: string) =>
        `(i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 ${x} ${y})`;
      return `${rows.join('\n')}
        (local.set $t0 ${low(get('r0'), get('r1'))})
        (local.set $t1 ${low(get('r2'), get('r3'))})
        (local.set $t2 ${high(get('r0'), get('r1'))})
        (local.set $t3 ${high(get('r2'), get('r3'))})
        (local.set $x${group * 4} ${first(get('t0'), get('t1'))})
        (local.set $x${group * 4 + 1} ${second(get('t0'), get('t1'))})
        (local.set $x${group * 4 + 2} ${first(get('t2'), get('t3'))})
        (local.set $x${group * 4 + 3} ${second(get('t2'), get('t3'))})`;
    })
    .join('\n');
  const word = (k: number): string =>
    words === 'i32' ? `(i32.load offset=${k * 4} ${get(pointers[0]!)})` : get(`x${k}`);
  return `
    (block $done_${label}
      (loop $next_${label}
        (br_if $done_${label} (i32.eqz ${get('chunks')}))
        ${words === 'i32' ? '' : transpose}
        ${state.map((name) => `(local.set $o${name} ${get(name)})`).join('\n')}
        ${md4Steps(words, word)}
        ${state.map((name) => `(local.set $${name} ${add(get(name), get(`o${name}`))})`).join('\n')}
        ${pointers.map((pointer) => `(local.set $${pointer} (i32.add ${get(pointer)} (i32.const 64)))`).join('\n')}
        (local.set $chunks (i32.sub ${get('chunks')} (i32.const 1)))
        (br $next_${label})))`;
}

function md4Start(words: Words): string {
  const { constant } = operations(words);
  return Object.entries({ a: '0x67452301', b: '0xefcdab89', c: '0x98badcfe', d: '0x10325476' })
    .map(([name, value]) => `(local.set $${name} ${constant(value)})`)
    .join('\n');
}

const locals = (type: string, names: readonly string[]): string =>
  names.map((name) => `(local $${name} ${type})`).join(' ');

/** `md4(p, length)`: the digest of the message goes to `layout.digest`. `md4Four`: those of four messages, one behind the other. */
const md4 = `
  (func $pad (param $p i32) (param $length i32) (param $to i32) (result i32)
    (local $tail i32) (local $chunks i32)
    (local.set $tail (i32.and ${get('length')} (i32.const 63)))
    (memory.fill ${get('to')} (i32.const 0) (i32.const 128))
    (memory.copy ${get('to')} (i32.add ${get('p')} (i32.sub ${get('length')} ${get('tail')})) ${get('tail')})
    (i32.store8 (i32.add ${get('to')} ${get('tail')}) (i32.const 0x80))
    (local.set $chunks (i32.add (i32.const 1) (i32.ge_u ${get('tail')} (i32.const 56))))
    (i64.store
      (i32.sub (i32.add ${get('to')} (i32.shl ${get('chunks')} (i32.const 6))) (i32.const 8))
      (i64.shl (i64.extend_i32_u ${get('length')}) (i64.const 3)))
    ${get('chunks')})
  (func (export "md4") (param $p i32) (param $length i32)
    (local $tail i32) ${locals('i32', ['chunks', 'a', 'b', 'c', 'd', 'oa', 'ob', 'oc', 'od'])}
    (local.set $tail (call $pad ${get('p')} ${get('length')} (i32.const ${layout.tails})))
    ${md4Start('i32')}
    (local.set $chunks (i32.shr_u ${get('length')} (i32.const 6)))
    ${md4Chunks('i32', ['p'], 'body')}
    (local.set $p (i32.const ${layout.tails}))
    (local.set $chunks ${get('tail')})
    ${md4Chunks('i32', ['p'], 'tail')}
    ${['a', 'b', 'c', 'd'].map((name, index) => `(i32.store (i32.const ${layout.digest + index * 4}) ${get(name)})`).join('\n')})
  (func (export "md4Four") (param $q0 i32) (param $length i32)
    (local $tail i32) ${locals('i32', ['q1', 'q2', 'q3', 'chunks'])}
    ${locals('v128', [
      ...[
        'a',
        'b',
        'c',
        'd',
        'oa',
        'ob',
        'oc',
        'od',
        'r0',
        'r1',
        'r2',
        'r3',
        't0',
        't1',
        't2',
        't3',
      ],
      ...range(16).map((k) => `x${k}`),
    ])}
    ${range(3)
      .map((lane) => `(local.set $q${lane + 1} (i32.add ${get(`q${lane}`)} ${get('length')}))`)
      .join('\n')}
    ${range(4)
      .map(
        (lane) =>
          `(local.set $tail (call $pad ${get(`q${lane}`)} ${get('length')} (i32.const ${layout.tails + lane * 128})))`,
      )
      .join('\n')}
    ${md4Start('i32x4')}
    (local.set $chunks (i32.shr_u ${get('length')} (i32.const 6)))
    ${md4Chunks('i32x4', ['q0', 'q1', 'q2', 'q3'], 'body')}
    ${range(4)
      .map((lane) => `(local.set $q${lane} (i32.const ${layout.tails + lane * 128}))`)
      .join('\n')}
    (local.set $chunks ${get('tail')})
    ${md4Chunks('i32x4', ['q0', 'q1', 'q2', 'q3'], 'tail')}
    ${['a', 'b', 'c', 'd']
      .flatMap((name, index) =>
        range(4).map(
          (lane) =>
            `(i32.store (i32.const ${layout.digest + lane * 16 + index * 4}) (i32x4.extract_lane ${lane} ${get(name)}))`,
        ),
      )
      .join('\n')})`;

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
  ...['0x6a09e667f3bcc908', '0xbb67ae8584caa73b', '0x3c6ef372fe94f82b', '0xa54ff53a5f1d36f1'],
  ...['0x510e527fade682d1', '0x9b05688c2b3e6c1f', '0x1f83d9abfb41bd6b', '0x5be0cd19137e2179'],
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
const blake2b = `
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

/** `rollsum(p, length)` and `rabinKarp(p, length)`: the weak sums of docs/formats/duplicity.md 8.1. */
const weakSums = `
  (func $total (param $v v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 ${get('v')}) (i32x4.extract_lane 1 ${get('v')}))
      (i32.add (i32x4.extract_lane 2 ${get('v')}) (i32x4.extract_lane 3 ${get('v')}))))
  (func (export "rollsum") (param $p i32) (param $length i32) (result i32)
    (local $end i32) (local $fast i32) (local $s1 i32) (local $s2 i32)
    (local $sum v128) (local $before v128) (local $weighted v128) (local $bytes v128)
    (local.set $end (i32.add ${get('p')} ${get('length')}))
    (local.set $fast (i32.add ${get('p')} (i32.and ${get('length')} (i32.const -16))))
    (block $tail
      (loop $next
        (br_if $tail (i32.ge_u ${get('p')} ${get('fast')}))
        (local.set $bytes (v128.load ${get('p')}))
        (local.set $before (i32x4.add ${get('before')} ${get('sum')}))
        (local.set $weighted (i32x4.add ${get('weighted')} (i32x4.add
          (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u ${get('bytes')}) (v128.const i16x8 16 15 14 13 12 11 10 9))
          (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u ${get('bytes')}) (v128.const i16x8 8 7 6 5 4 3 2 1)))))
        (local.set $sum (i32x4.add ${get('sum')}
          (i32x4.extadd_pairwise_i16x8_u (i16x8.extadd_pairwise_i8x16_u ${get('bytes')}))))
        (local.set $p (i32.add ${get('p')} (i32.const 16)))
        (br $next)))
    (local.set $s1 (call $total ${get('sum')}))
    (local.set $s2 (i32.add (i32.shl (call $total ${get('before')}) (i32.const 4)) (call $total ${get('weighted')})))
    (block $done
      (loop $byte
        (br_if $done (i32.ge_u ${get('p')} ${get('end')}))
        (local.set $s1 (i32.add ${get('s1')} (i32.load8_u ${get('p')})))
        (local.set $s2 (i32.add ${get('s2')} ${get('s1')}))
        (local.set $p (i32.add ${get('p')} (i32.const 1)))
        (br $byte)))
    (local.set $s1 (i32.add ${get('s1')} (i32.mul ${get('length')} (i32.const 31))))
    (local.set $s2 (i32.add ${get('s2')} (i32.mul (i32.const 31) (i32.wrap_i64 (i64.shr_u
      (i64.mul (i64.extend_i32_u ${get('length')}) (i64.add (i64.extend_i32_u ${get('length')}) (i64.const 1)))
      (i64.const 1))))))
    (i32.or (i32.shl ${get('s2')} (i32.const 16)) (i32.and ${get('s1')} (i32.const 0xffff))))
  (func (export "rabinKarp") (param $p i32) (param $length i32) (result i32)
    (local $end i32) (local $hash i32)
    (local.set $hash (i32.const 1))
    (local.set $end (i32.add ${get('p')} ${get('length')}))
    (block $done
      (loop $byte
        (br_if $done (i32.ge_u ${get('p')} ${get('end')}))
        (local.set $hash (i32.add
          (i32.mul ${get('hash')} (i32.const 0x08104225))
          (i32.load8_u ${get('p')})))
        (local.set $p (i32.add ${get('p')} (i32.const 1)))
        (br $byte)))
    ${get('hash')})`;

const mixed = (weak: string): string => `(i32.mul ${weak} (i32.const 0x9e3779b1))`;

/**
 * The table of known blocks: the records of a signature as they are in the file, an open-addressed table of (number of the record + 1), and
 * a filter of one bit for each of eight times as many slots. No chain is followed for more than `layout.probes` slots: a signature that
 * was made to collide costs matches, not time.
 */
const table = `
  (global $records (mut i32) (i32.const 0)) (global $strong (mut i32) (i32.const 0))
  (global $slots (mut i32) (i32.const 0)) (global $mask (mut i32) (i32.const 0)) (global $shift (mut i32) (i32.const 0))
  (global $filter (mut i32) (i32.const 0))
  (func $record (param $slot i32) (result i32)
    (i32.add (global.get $records) (i32.mul
      (i32.sub (i32.load (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2)))) (i32.const 1))
      (i32.add (global.get $strong) (i32.const 4)))))
  (func $swapped (param $x i32) (result i32)
    (i32.or
      (i32.and (i32.rotl ${get('x')} (i32.const 8)) (i32.const 0x00ff00ff))
      (i32.and (i32.rotl ${get('x')} (i32.const 24)) (i32.const 0xff00ff00))))
  (func $same (param $left i32) (param $right i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add ${get('left')} (global.get $strong)))
    (loop $byte
      (if (i32.ne (i32.load8_u ${get('left')}) (i32.load8_u ${get('right')})) (then (return (i32.const 0))))
      (local.set $left (i32.add ${get('left')} (i32.const 1)))
      (local.set $right (i32.add ${get('right')} (i32.const 1)))
      (br_if $byte (i32.lt_u ${get('left')} ${get('end')})))
    (i32.const 1))
  (func (export "build") (param $from i32) (param $strong i32) (param $count i32) (param $table i32) (param $bits i32)
    (local $index i32) (local $at i32) (local $weak i32) (local $slot i32) (local $left i32) (local $bit i32) (local $filter i32)
    (global.set $records ${get('from')})
    (global.set $strong ${get('strong')})
    (global.set $slots ${get('table')})
    (global.set $mask (i32.sub (i32.shl (i32.const 1) ${get('bits')}) (i32.const 1)))
    (global.set $shift (i32.sub (i32.const 32) ${get('bits')}))
    (global.set $filter (i32.add ${get('table')} (i32.shl (i32.const 4) ${get('bits')})))
    (memory.fill ${get('table')} (i32.const 0) (i32.mul (i32.const 5) (i32.shl (i32.const 1) ${get('bits')})))
    (local.set $at ${get('from')})
    (block $done
      (loop $next
        (br_if $done (i32.ge_u ${get('index')} ${get('count')}))
        (local.set $weak (i32.load ${get('at')}))
        (local.set $bit ${mixed(`(call $swapped ${get('weak')})`)})
        (local.set $slot (i32.shr_u ${get('bit')} (global.get $shift)))
        (local.set $bit (i32.shr_u ${get('bit')} (i32.sub (global.get $shift) (i32.const 3))))
        (local.set $left (i32.const ${layout.probes}))
        (block $placed
          (loop $probe
            (if (i32.eqz (i32.load (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2)))))
              (then
                (i32.store (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2)))
                  (i32.add ${get('index')} (i32.const 1)))
                (local.set $filter (i32.add (global.get $filter) (i32.shr_u ${get('bit')} (i32.const 3))))
                (i32.store8 ${get('filter')} (i32.or
                  (i32.load8_u ${get('filter')})
                  (i32.shl (i32.const 1) (i32.and ${get('bit')} (i32.const 7)))))
                (br $placed)))
            (if (i32.eq (i32.load (call $record ${get('slot')})) ${get('weak')})
              (then
                (br_if $placed (call $same
                  (i32.add (call $record ${get('slot')}) (i32.const 4))
                  (i32.add ${get('at')} (i32.const 4))))))
            (local.set $slot (i32.and (i32.add ${get('slot')} (i32.const 1)) (global.get $mask)))
            (local.set $left (i32.sub ${get('left')} (i32.const 1)))
            (br_if $probe ${get('left')})))
        (local.set $index (i32.add ${get('index')} (i32.const 1)))
        (local.set $at (i32.add ${get('at')} (i32.add ${get('strong')} (i32.const 4))))
        (br $next))))
  (func $find (export "find") (param $weak i32) (param $digest i32) (result i32)
    (local $slot i32) (local $left i32) (local $record i32)
    (local.set $slot (i32.shr_u ${mixed(get('weak'))} (global.get $shift)))
    (local.set $weak (call $swapped ${get('weak')}))
    (local.set $left (i32.const ${layout.probes}))
    (loop $probe
      (if (i32.eqz (i32.load (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2)))))
        (then (return (i32.const -1))))
      (local.set $record (call $record ${get('slot')}))
      (if (i32.eq (i32.load ${get('record')}) ${get('weak')})
        (then
          (if (i32.eqz ${get('digest')}) (then (return (i32.const 0))))
          (if (call $same (i32.add ${get('record')} (i32.const 4)) ${get('digest')})
            (then (return (i32.sub
              (i32.load (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2))))
              (i32.const 1)))))))
      (local.set $slot (i32.and (i32.add ${get('slot')} (i32.const 1)) (global.get $mask)))
      (local.set $left (i32.sub ${get('left')} (i32.const 1)))
      (br_if $probe ${get('left')}))
    (i32.const -1))
  (func (export "isBlock") (param $index i32) (param $weak i32) (param $digest i32) (result i32)
    (local $record i32)
    (local.set $record (i32.add (global.get $records)
      (i32.mul ${get('index')} (i32.add (global.get $strong) (i32.const 4)))))
    (if (i32.ne (i32.load ${get('record')}) (call $swapped ${get('weak')})) (then (return (i32.const 0))))
    (if (i32.eqz ${get('digest')}) (then (return (i32.const 1))))
    (call $same (i32.add ${get('record')} (i32.const 4)) ${get('digest')}))`;

/**
 * `scan…(p, end, length, weak)`: `weak` is the sum of the `length` bytes at p. Rolls it on byte by byte until the table knows the sum, or
 * until the window would pass `end`. The result is the position then; `weak()` is the sum there and `isKnown()` says which it was.
 */
function scan(name: string, setUp: string, roll: string): string {
  return `
  (func (export "${name}") (param $p i32) (param $end i32) (param $length i32) (param $weak i32) (result i32)
    (local $out i32) (local $s1 i32) (local $s2 i32) (local $power i32) (local $rest i32)
    (local $bit i32) (local $shift i32) (local $filter i32) (local $known i32)
    (local.set $filter (global.get $filter))
    (local.set $shift (i32.sub (global.get $shift) (i32.const 3)))
    (local.set $end (i32.sub ${get('end')} ${get('length')}))
    ${setUp}
    (block $done
      (loop $next
        (br_if $done (i32.ge_s ${get('p')} ${get('end')}))
        (local.set $out (i32.load8_u ${get('p')}))
        ${roll}
        (local.set $p (i32.add ${get('p')} (i32.const 1)))
        (local.set $bit (i32.shr_u ${mixed(get('weak'))} ${get('shift')}))
        (br_if $next (i32.eqz (i32.and (i32.const 1) (i32.shr_u
          (i32.load8_u (i32.add ${get('filter')} (i32.shr_u ${get('bit')} (i32.const 3))))
          (i32.and ${get('bit')} (i32.const 7))))))
        (br_if $next (call $find ${get('weak')} (i32.const 0)))
        (local.set $known (i32.const 1))))
    (global.set $weak ${get('weak')})
    (global.set $known ${get('known')})
    ${get('p')})`;
}

const incoming = `(i32.load8_u (i32.add ${get('p')} ${get('length')}))`;

const scans = `
  (global $weak (mut i32) (i32.const 0)) (global $known (mut i32) (i32.const 0))
  (func (export "weak") (result i32) (global.get $weak))
  (func (export "isKnown") (result i32) (global.get $known))
  ${scan(
    'scanRollsum',
    `(local.set $s1 ${get('weak')})
    (local.set $s2 (i32.shr_u ${get('weak')} (i32.const 16)))`,
    `(local.set $s1 (i32.add ${get('s1')} (i32.sub ${incoming} ${get('out')})))
        (local.set $s2 (i32.sub (i32.add ${get('s2')} ${get('s1')})
          (i32.mul ${get('length')} (i32.add ${get('out')} (i32.const 31)))))
        (local.set $weak (i32.or (i32.shl ${get('s2')} (i32.const 16)) (i32.and ${get('s1')} (i32.const 0xffff))))`,
  )}
  ${scan(
    'scanRabinKarp',
    `(local.set $power (i32.const 1))
    (local.set $rest ${get('length')})
    (block $raised
      (loop $raise
        (br_if $raised (i32.eqz ${get('rest')}))
        (local.set $power (i32.mul ${get('power')} (i32.const 0x08104225)))
        (local.set $rest (i32.sub ${get('rest')} (i32.const 1)))
        (br $raise)))`,
    `(local.set $weak (i32.sub
          (i32.add (i32.mul ${get('weak')} (i32.const 0x08104225)) ${incoming})
          (i32.mul ${get('power')} (i32.add ${get('out')} (i32.const 0x08104224)))))`,
  )}`;

const source = `(module (import "env" "memory" (memory 1)) ${md4} ${blake2b} ${weakSums} ${table} ${scans})`;

/** The text of the generated file. */
export async function rsyncKernelFile(): Promise<string> {
  const module = (await wabt()).parseWat('rsync.wat', source, { simd: true, bulk_memory: true });
  try {
    const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
    const lines = base64.match(/.{1,100}/gu) ?? [];
    return `/** Made by tools/build-rsync-kernel.ts, which holds the source: do not edit. */
export const rsyncKernel = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
  } finally {
    module.destroy();
  }
}

if (process.argv[1] === import.meta.filename) {
  await writeFile(
    new URL('../src/codec/rsync/rsync-kernel.ts', import.meta.url),
    await rsyncKernelFile(),
  );
}
