;; Rows of 32-bit numbers, computed in 64 bits, in their order, as vectors.ts does. Places are bytes, 16 of them at a time.
;; unit_rows.ts holds it as bytes; a test holds the two together.
(module
  (memory (export "memory") 1)
  ;; a row from $at up to $end becomes the row less $centre, at unit length; a row of zeros stays
  (func (export "unit") (param $at i32) (param $end i32) (param $centre i32)
    (local $i i32) (local $row v128) (local $a v128) (local $b v128) (local $sum f64) (local $scale v128)
    (local.set $i (local.get $at))
    (loop $each_4
      (local.set $row (f32x4.sub (v128.load (local.get $i)) (v128.load (local.get $centre))))
      (v128.store (local.get $i) (local.get $row))
      (local.set $a (f64x2.promote_low_f32x4 (local.get $row)))
      (local.set $b (f64x2.promote_low_f32x4 (i64x2.splat (i64x2.extract_lane 1 (local.get $row)))))
      (local.set $a (f64x2.mul (local.get $a) (local.get $a)))
      (local.set $b (f64x2.mul (local.get $b) (local.get $b)))
      (local.set $sum (f64.add (local.get $sum) (f64x2.extract_lane 0 (local.get $a))))
      (local.set $sum (f64.add (local.get $sum) (f64x2.extract_lane 1 (local.get $a))))
      (local.set $sum (f64.add (local.get $sum) (f64x2.extract_lane 0 (local.get $b))))
      (local.set $sum (f64.add (local.get $sum) (f64x2.extract_lane 1 (local.get $b))))
      (local.set $centre (i32.add (local.get $centre) (i32.const 16)))
      (br_if $each_4 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $end))))
    (if (f64.eq (local.get $sum) (f64.const 0)) (then (return)))
    (local.set $scale (f64x2.splat (f64.div (f64.const 1) (f64.sqrt (local.get $sum)))))
    (loop $each_2
      (v128.store64_lane 0 (local.get $at) (f32x4.demote_f64x2_zero
        (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $at))) (local.get $scale))))
      (br_if $each_2 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))))
