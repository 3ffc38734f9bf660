import { layout } from '../../src/codec/rsync/kernel-layout.ts';
import { get, locals, range } from './text.ts';

type Words = 'i32' | 'i32x4';

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

/** `md4(p, length)`: the digest of the message goes to `layout.digest`. `md4Four`: those of four messages, one behind the other. */
export const md4 = `
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
    ${locals('v128', 'a b c d oa ob oc od r0 r1 r2 r3 t0 t1 t2 t3'.split(' '))}
    ${locals(
      'v128',
      range(16).map((k) => `x${k}`),
    )}
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
