;; Sums of rows in 8 bits, each times the 32-bit number that stands behind it, sixteen columns at a time. Places and lengths are
;; bytes, $length a multiple of 16. row_sum.ts holds it as bytes; a test holds the two together.
(module
  (memory (export "memory") 1)
  ;; out[j] = sum over the places from $places up to $end of factor * row[j]; the factor of a row lies $length after its place
  (func (export "sum") (param $places i32) (param $end i32) (param $length i32) (param $out i32)
    (local $at i32) (local $i i32) (local $from i32) (local $factor v128) (local $row v128) (local $half v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $each_16
      (local.set $a (v128.const f32x4 0 0 0 0))
      (local.set $b (v128.const f32x4 0 0 0 0))
      (local.set $c (v128.const f32x4 0 0 0 0))
      (local.set $d (v128.const f32x4 0 0 0 0))
      (local.set $i (local.get $places))
      (block $done
        (loop $each_row
          (br_if $done (i32.ge_u (local.get $i) (local.get $end)))
          (local.set $from (i32.load (local.get $i)))
          (local.set $factor (v128.load32_splat (i32.add (local.get $from) (local.get $length))))
          (local.set $row (v128.load (i32.add (local.get $from) (local.get $at))))
          (local.set $half (i16x8.extend_low_i8x16_s (local.get $row)))
          (local.set $a (f32x4.add (local.get $a) (f32x4.mul (local.get $factor) (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $half))))))
          (local.set $b (f32x4.add (local.get $b) (f32x4.mul (local.get $factor) (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $half))))))
          (local.set $half (i16x8.extend_high_i8x16_s (local.get $row)))
          (local.set $c (f32x4.add (local.get $c) (f32x4.mul (local.get $factor) (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $half))))))
          (local.set $d (f32x4.add (local.get $d) (f32x4.mul (local.get $factor) (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $half))))))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (br $each_row)))
      (v128.store (local.get $out) (local.get $a))
      (v128.store offset=16 (local.get $out) (local.get $b))
      (v128.store offset=32 (local.get $out) (local.get $c))
      (v128.store offset=48 (local.get $out) (local.get $d))
      (local.set $out (i32.add (local.get $out) (i32.const 64)))
      (br_if $each_16 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $length))))))
