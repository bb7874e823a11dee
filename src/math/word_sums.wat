;; Sums over what belongs to the words of a text, each times a factor of its own. Places and lengths are bytes. word_sums.ts holds it
;; as bytes; a test holds the two together.
(module
  (memory (export "memory") 1)
  ;; out[j] += sum over the places from $places up to $end of factor * row[j], of 32-bit rows in 64 bits, $length a multiple of 16.
  ;; The last two numbers of a row are taken times the square of the factor.
  (func (export "addRows") (param $places i32) (param $end i32) (param $factors i32) (param $length i32) (param $out i32)
    (local $at i32) (local $i i32) (local $k i32) (local $row i32) (local $factor v128) (local $a v128) (local $b v128)
    (loop $each_4
      (local.set $a (v128.load (local.get $out)))
      (local.set $b (v128.load offset=16 (local.get $out)))
      (local.set $i (local.get $places))
      (local.set $k (local.get $factors))
      (block $done
        (loop $each_row
          (br_if $done (i32.ge_u (local.get $i) (local.get $end)))
          (local.set $row (i32.add (i32.load (local.get $i)) (local.get $at)))
          (local.set $factor (v128.load64_splat (local.get $k)))
          (local.set $a (f64x2.add (local.get $a) (f64x2.mul (local.get $factor) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $row))))))
          (if (i32.eq (i32.add (local.get $at) (i32.const 16)) (local.get $length))
            (then (local.set $factor (f64x2.mul (local.get $factor) (local.get $factor)))))
          (local.set $b (f64x2.add (local.get $b) (f64x2.mul (local.get $factor) (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $row))))))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (local.set $k (i32.add (local.get $k) (i32.const 8)))
          (br $each_row)))
      (v128.store (local.get $out) (local.get $a))
      (v128.store offset=16 (local.get $out) (local.get $b))
      (local.set $out (i32.add (local.get $out) (i32.const 32)))
      (br_if $each_4 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $length)))))
  ;; For each pair of places from $places up to $end: adds a factor to out[code >> 1] for each 16-bit code between the two places, and
  ;; subtracts it where the code is odd. Numbers of out have 32 bits, each sum is rounded to them.
  (func (export "addCodes") (param $places i32) (param $end i32) (param $factors i32) (param $out i32)
    (local $at i32) (local $last i32) (local $code i32) (local $cell i32) (local $factor v128)
    (block $done
      (loop $each_list
        (br_if $done (i32.ge_u (local.get $places) (local.get $end)))
        (local.set $at (i32.load (local.get $places)))
        (local.set $last (i32.load offset=4 (local.get $places)))
        (local.set $factor (v128.load64_zero (local.get $factors)))
        (local.set $places (i32.add (local.get $places) (i32.const 8)))
        (local.set $factors (i32.add (local.get $factors) (i32.const 8)))
        (loop $each_code
          (br_if $each_list (i32.ge_u (local.get $at) (local.get $last)))
          (local.set $code (i32.load16_u (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (local.set $cell (i32.add (local.get $out) (i32.shl (i32.and (local.get $code) (i32.const 0xfffe)) (i32.const 1))))
          ;; An odd code turns the sign of the factor. One number alone would wait for the one before it in the same register.
          (v128.store32_lane 0 (local.get $cell) (f32x4.demote_f64x2_zero (f64x2.add
            (f64x2.promote_low_f32x4 (v128.load32_zero (local.get $cell)))
            (v128.xor (local.get $factor) (i64x2.splat (i64.shl (i64.extend_i32_u (local.get $code)) (i64.const 63)))))))
          (br $each_code))))))
