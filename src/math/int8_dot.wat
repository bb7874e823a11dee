;; Dot products of rows in 8 bits with queries in 16, sixteen numbers at a time. $width is a multiple of 16; the sums must fit
;; 32 bits. $out gets $count x $rows whole numbers. int8_dot.ts holds it as bytes; a test holds the two together.
(module
  (memory (export "memory") 1)
  (func (export "scan") (param $queries i32) (param $count i32) (param $codes i32) (param $rows i32) (param $width i32) (param $out i32)
    (local $row i32) (local $query i32) (local $end i32) (local $a i32) (local $b i32) (local $codes16 v128) (local $sum v128)
    (loop $each_row
      (local.set $query (i32.const 0))
      (local.set $end (i32.add (local.get $codes) (local.get $width)))
      (local.set $b (local.get $queries))
      (loop $each_query
        (local.set $sum (v128.const i32x4 0 0 0 0))
        (local.set $a (local.get $codes))
        (loop $each_16
          (local.set $codes16 (v128.load (local.get $a)))
          (local.set $sum (i32x4.add (local.get $sum) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $codes16)) (v128.load (local.get $b)))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $codes16)) (v128.load offset=16 (local.get $b))))))
          (local.set $b (i32.add (local.get $b) (i32.const 32)))
          (br_if $each_16 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 16))) (local.get $end))))
        (i32.store
          (i32.add (local.get $out) (i32.shl (i32.add (i32.mul (local.get $query) (local.get $rows)) (local.get $row)) (i32.const 2)))
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
            (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))
        (br_if $each_query (i32.lt_u (local.tee $query (i32.add (local.get $query) (i32.const 1))) (local.get $count))))
      (local.set $codes (local.get $end))
      (br_if $each_row (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (local.get $rows)))))
  ;; Rounds numbers from $values up to $end, a multiple of 16 bytes, to 16 bits each at $out: whole multiples of a step, halves
  ;; upwards as Math.round does it, so that the largest is $most steps. Returns the step.
  (func (export "quantize") (param $values i32) (param $end i32) (param $most f64) (param $out i32) (result f64)
    (local $i i32) (local $row v128) (local $a v128) (local $b v128) (local $step f64) (local $steps v128)
    (local.set $i (local.get $values))
    (loop $each_4
      (local.set $a (f32x4.max (local.get $a) (f32x4.abs (v128.load (local.get $i)))))
      (br_if $each_4 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $end))))
    (local.set $step (f64.div
      (f64.promote_f32 (f32.max
        (f32.max (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
        (f32.max (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
      (local.get $most)))
    (if (f64.eq (local.get $step) (f64.const 0)) (then (local.set $step (f64.const 1))))
    (local.set $steps (f64x2.splat (local.get $step)))
    (loop $each_value
      (local.set $row (v128.load (local.get $values)))
      (local.set $a (call $round (f64x2.div (f64x2.promote_low_f32x4 (local.get $row)) (local.get $steps))))
      (local.set $b (call $round (f64x2.div
        (f64x2.promote_low_f32x4 (i64x2.splat (i64x2.extract_lane 1 (local.get $row)))) (local.get $steps))))
      (local.set $a (i64x2.replace_lane 1 (local.get $a) (i64x2.extract_lane 0 (local.get $b))))
      (v128.store64_lane 0 (local.get $out) (i16x8.narrow_i32x4_s (local.get $a) (local.get $a)))
      (local.set $out (i32.add (local.get $out) (i32.const 8)))
      (br_if $each_value (i32.lt_u (local.tee $values (i32.add (local.get $values) (i32.const 16))) (local.get $end))))
    (local.get $step))
  (func $round (param $x v128) (result v128)
    (local $up v128)
    (local.set $up (f64x2.ceil (local.get $x)))
    (i32x4.trunc_sat_f64x2_s_zero (f64x2.sub (local.get $up) (v128.and (v128.const f64x2 1 1)
      (f64x2.gt (f64x2.sub (local.get $up) (v128.const f64x2 0.5 0.5)) (local.get $x))))))
  ;; out[k] = sums[k] * $step * scales[k] in 64 bits, rounded to 32, for sums from $sums up to $end; fills up to a multiple of 4
  (func (export "scale") (param $sums i32) (param $end i32) (param $step f64) (param $scales i32) (param $out i32)
    (local $row v128) (local $by v128) (local $steps v128)
    (local.set $steps (f64x2.splat (local.get $step)))
    (loop $each_4
      (local.set $row (v128.load (local.get $sums)))
      (local.set $by (v128.load (local.get $scales)))
      (v128.store64_lane 0 (local.get $out) (call $scaled (local.get $row) (local.get $steps) (local.get $by)))
      (v128.store64_lane offset=8 0 (local.get $out) (call $scaled
        (i64x2.splat (i64x2.extract_lane 1 (local.get $row))) (local.get $steps) (i64x2.splat (i64x2.extract_lane 1 (local.get $by)))))
      (local.set $scales (i32.add (local.get $scales) (i32.const 16)))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (br_if $each_4 (i32.lt_u (local.tee $sums (i32.add (local.get $sums) (i32.const 16))) (local.get $end)))))
  (func $scaled (param $sums v128) (param $steps v128) (param $scales v128) (result v128)
    (f32x4.demote_f64x2_zero (f64x2.mul (f64x2.mul (f64x2.convert_low_i32x4_s (local.get $sums)) (local.get $steps))
      (f64x2.promote_low_f32x4 (local.get $scales))))))
