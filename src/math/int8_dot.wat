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
      (br_if $each_row (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (local.get $rows))))))
