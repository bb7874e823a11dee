;; Dot products of rows in 8 bits with queries in 16, sixteen numbers at a time. $width is a multiple of 16; the sums must fit
;; 32 bits. $out gets $count x $rows whole numbers: four queries at a time, so that there is room for $count filled up to a
;; multiple of 4. int8_dot.ts holds it as bytes; a test holds the two together.
(module
  (memory (export "memory") 1)
  (func (export "scan") (param $queries i32) (param $count i32) (param $codes i32) (param $rows i32) (param $width i32) (param $out i32)
    (local $row i32) (local $query i32) (local $end i32) (local $from i32) (local $step i32) (local $to i32) (local $stride i32)
    (local $low v128) (local $high v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $q0 i32) (local $q1 i32) (local $q2 i32) (local $q3 i32)
    (local.set $step (i32.shl (local.get $width) (i32.const 1)))
    (local.set $stride (i32.shl (local.get $rows) (i32.const 2)))
    (loop $each_row
      (local.set $query (i32.const 0))
      (local.set $end (i32.add (local.get $codes) (local.get $width)))
      (local.set $to (local.get $out))
      (local.set $q0 (local.get $queries))
      (loop $each_4_queries
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (v128.const i32x4 0 0 0 0))
        (local.set $c (v128.const i32x4 0 0 0 0))
        (local.set $d (v128.const i32x4 0 0 0 0))
        (local.set $from (local.get $codes))
        (local.set $q1 (i32.add (local.get $q0) (local.get $step)))
        (local.set $q2 (i32.add (local.get $q1) (local.get $step)))
        (local.set $q3 (i32.add (local.get $q2) (local.get $step)))
        (loop $each_16
          (local.set $low (i16x8.extend_low_i8x16_s (v128.load (local.get $from))))
          (local.set $high (i16x8.extend_high_i8x16_s (v128.load (local.get $from))))
          (local.set $a (i32x4.add (local.get $a) (i32x4.add
            (i32x4.dot_i16x8_s (local.get $low) (v128.load (local.get $q0)))
            (i32x4.dot_i16x8_s (local.get $high) (v128.load offset=16 (local.get $q0))))))
          (local.set $q0 (i32.add (local.get $q0) (i32.const 32)))
          (local.set $b (i32x4.add (local.get $b) (i32x4.add
            (i32x4.dot_i16x8_s (local.get $low) (v128.load (local.get $q1)))
            (i32x4.dot_i16x8_s (local.get $high) (v128.load offset=16 (local.get $q1))))))
          (local.set $q1 (i32.add (local.get $q1) (i32.const 32)))
          (local.set $c (i32x4.add (local.get $c) (i32x4.add
            (i32x4.dot_i16x8_s (local.get $low) (v128.load (local.get $q2)))
            (i32x4.dot_i16x8_s (local.get $high) (v128.load offset=16 (local.get $q2))))))
          (local.set $q2 (i32.add (local.get $q2) (i32.const 32)))
          (local.set $d (i32x4.add (local.get $d) (i32x4.add
            (i32x4.dot_i16x8_s (local.get $low) (v128.load (local.get $q3)))
            (i32x4.dot_i16x8_s (local.get $high) (v128.load offset=16 (local.get $q3))))))
          (local.set $q3 (i32.add (local.get $q3) (i32.const 32)))
          (br_if $each_16 (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 16))) (local.get $end))))
        (local.set $a (call $summed (local.get $a) (local.get $b) (local.get $c) (local.get $d)))
        (v128.store32_lane 0 (local.get $to) (local.get $a))
        (local.set $to (i32.add (local.get $to) (local.get $stride)))
        (v128.store32_lane 1 (local.get $to) (local.get $a))
        (local.set $to (i32.add (local.get $to) (local.get $stride)))
        (v128.store32_lane 2 (local.get $to) (local.get $a))
        (local.set $to (i32.add (local.get $to) (local.get $stride)))
        (v128.store32_lane 3 (local.get $to) (local.get $a))
        (local.set $to (i32.add (local.get $to) (local.get $stride)))
        (local.set $q0 (local.get $q3))
        (br_if $each_4_queries (i32.lt_u (local.tee $query (i32.add (local.get $query) (i32.const 4))) (local.get $count))))
      (local.set $codes (local.get $end))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (br_if $each_row (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (local.get $rows)))))
  ;; The same of one query, four rows at a time: $codes ends with three rows of anything, $out is filled up to a multiple of 4.
  (func (export "scanOne") (param $query i32) (param $codes i32) (param $rows i32) (param $width i32) (param $out i32)
    (local $end i32) (local $from i32) (local $last i32)
    (local $low v128) (local $high v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $r1 i32) (local $r2 i32) (local $r3 i32)
    (local.set $last (i32.add (local.get $out) (i32.shl (local.get $rows) (i32.const 2))))
    (local.set $end (i32.add (local.get $query) (i32.shl (local.get $width) (i32.const 1))))
    (loop $each_4_rows
      (local.set $a (v128.const i32x4 0 0 0 0))
      (local.set $b (v128.const i32x4 0 0 0 0))
      (local.set $c (v128.const i32x4 0 0 0 0))
      (local.set $d (v128.const i32x4 0 0 0 0))
      (local.set $from (local.get $query))
      (local.set $r1 (i32.add (local.get $codes) (local.get $width)))
      (local.set $r2 (i32.add (local.get $r1) (local.get $width)))
      (local.set $r3 (i32.add (local.get $r2) (local.get $width)))
      (loop $each_16
        (local.set $low (v128.load (local.get $from)))
        (local.set $high (v128.load offset=16 (local.get $from)))
        (local.set $a (i32x4.add (local.get $a) (i32x4.add
          (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $codes)) (local.get $low))
          (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $codes)) (local.get $high)))))
        (local.set $codes (i32.add (local.get $codes) (i32.const 16)))
        (local.set $b (i32x4.add (local.get $b) (i32x4.add
          (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $r1)) (local.get $low))
          (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $r1)) (local.get $high)))))
        (local.set $r1 (i32.add (local.get $r1) (i32.const 16)))
        (local.set $c (i32x4.add (local.get $c) (i32x4.add
          (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $r2)) (local.get $low))
          (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $r2)) (local.get $high)))))
        (local.set $r2 (i32.add (local.get $r2) (i32.const 16)))
        (local.set $d (i32x4.add (local.get $d) (i32x4.add
          (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $r3)) (local.get $low))
          (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $r3)) (local.get $high)))))
        (local.set $r3 (i32.add (local.get $r3) (i32.const 16)))
        (br_if $each_16 (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 32))) (local.get $end))))
      (v128.store (local.get $out) (call $summed (local.get $a) (local.get $b) (local.get $c) (local.get $d)))
      (local.set $codes (local.get $r3))
      (br_if $each_4_rows (i32.lt_u (local.tee $out (i32.add (local.get $out) (i32.const 16))) (local.get $last)))))
  ;; The four numbers of each become one: a b c d.
  (func $summed (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result v128)
    (local.set $a (i32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a) (local.get $b))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a) (local.get $b))))
    (local.set $c (i32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $c) (local.get $d))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $c) (local.get $d))))
    (i32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $a) (local.get $c))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $a) (local.get $c))))
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
