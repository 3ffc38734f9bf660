import { get } from './text.ts';

/** `rollsum(p, length)` and `rabinKarp(p, length)`: the weak sums of docs/formats/duplicity.md 8.1. */
export const weakSums = `
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
