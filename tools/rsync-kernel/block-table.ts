import { layout } from '../../src/codec/rsync/kernel-layout.ts';
import { get } from './text.ts';

const mixed = (weak: string): string => `(i32.mul ${weak} (i32.const 0x9e3779b1))`;

/** The address of the word of the filter for the sum whose hash is in $hash. */
const filterWord = (filter: string, toWord: string): string =>
  `(i32.add ${filter} (i32.shl (i32.shr_u ${get('hash')} ${toWord}) (i32.const 2)))`;

/** The bits of that word; the counts of shifts are taken modulo 32. */
const filterBits = (weak: string, inWord: string): string =>
  `(i32.or
    (i32.shl (i32.const 1) (i32.shr_u ${get('hash')} ${inWord}))
    (i32.shl (i32.const 1) (i32.shr_u (i32.mul ${weak} (i32.const 0x85ebca6b)) (i32.const 27))))`;

/**
 * The table of known blocks: the records of a signature as they are in the file, an open-addressed table of (number of the record + 1), and
 * a filter of eight bits for each slot, two of which are set for each sum, in one word. No chain is followed for more than `layout.probes` slots: a signature that
 * was made to collide costs matches, not time.
 */
export const blockTable = `
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
    (local $index i32) (local $at i32) (local $weak i32) (local $slot i32) (local $left i32) (local $hash i32) (local $filter i32)
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
        (local.set $hash ${mixed(`(call $swapped ${get('weak')})`)})
        (local.set $slot (i32.shr_u ${get('hash')} (global.get $shift)))
        (local.set $left (i32.const ${layout.probes}))
        (block $placed
          (loop $probe
            (if (i32.eqz (i32.load (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2)))))
              (then
                (i32.store (i32.add (global.get $slots) (i32.shl ${get('slot')} (i32.const 2)))
                  (i32.add ${get('index')} (i32.const 1)))
                (local.set $filter ${filterWord('(global.get $filter)', '(i32.add (global.get $shift) (i32.const 2))')})
                (i32.store ${get('filter')} (i32.or (i32.load ${get('filter')})
                  ${filterBits('(call $swapped (local.get $weak))', '(i32.sub (global.get $shift) (i32.const 3))')}))
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
    (local $out i32) (local $s1 i32) (local $s2 i32) (local $power i32) (local $square i32) (local $rest i32)
    (local $hash i32) (local $bits i32) (local $toWord i32) (local $inWord i32) (local $filter i32) (local $known i32)
    (local.set $filter (global.get $filter))
    (local.set $toWord (i32.add (global.get $shift) (i32.const 2)))
    (local.set $inWord (i32.sub (global.get $shift) (i32.const 3)))
    (local.set $end (i32.sub ${get('end')} ${get('length')}))
    ${setUp}
    (block $done
      (loop $next
        (br_if $done (i32.ge_s ${get('p')} ${get('end')}))
        (local.set $out (i32.load8_u ${get('p')}))
        ${roll}
        (local.set $p (i32.add ${get('p')} (i32.const 1)))
        (local.set $hash ${mixed(get('weak'))})
        (local.set $bits ${filterBits(get('weak'), get('inWord'))})
        (br_if $next (i32.ne ${get('bits')} (i32.and ${get('bits')} (i32.load ${filterWord(get('filter'), get('toWord'))}))))
        (br_if $next (call $find ${get('weak')} (i32.const 0)))
        (local.set $known (i32.const 1))))
    (global.set $weak ${get('weak')})
    (global.set $known ${get('known')})
    ${get('p')})`;
}

const incoming = `(i32.load8_u (i32.add ${get('p')} ${get('length')}))`;

export const scans = `
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
    (local.set $square (i32.const 0x08104225))
    (local.set $rest ${get('length')})
    (block $raised
      (loop $raise
        (br_if $raised (i32.eqz ${get('rest')}))
        (if (i32.and ${get('rest')} (i32.const 1))
          (then (local.set $power (i32.mul ${get('power')} ${get('square')}))))
        (local.set $square (i32.mul ${get('square')} ${get('square')}))
        (local.set $rest (i32.shr_u ${get('rest')} (i32.const 1)))
        (br $raise)))`,
    `(local.set $weak (i32.sub
          (i32.add (i32.mul ${get('weak')} (i32.const 0x08104225)) ${incoming})
          (i32.mul ${get('power')} (i32.add ${get('out')} (i32.const 0x08104224)))))`,
  )}`;
