;; Numbers in 32 bits, four at a time. Places and lengths are bytes; lengths are multiples of 16.
;; kernel_rows.ts holds it as bytes; a test holds the two together.
(module
  (memory (export "memory") 1)
  ;; out[k] = 2^($scale * sum over j of (shape[j] - shapes[j][k])^2) * (1 + ((1 + cosine[k]) / 2)^3)
  (func (export "kernel") (param $cosines i32) (param $shape i32) (param $shapeEnd i32) (param $shapes i32) (param $length i32) (param $scale f32) (param $out i32)
    (local $at i32) (local $j i32) (local $from i32) (local $x v128) (local $n v128)
    (loop $each_4
      (local.set $x (v128.const f32x4 0 0 0 0))
      (local.set $j (local.get $shape))
      (local.set $from (i32.add (local.get $shapes) (local.get $at)))
      (loop $each_number
        (local.set $n (f32x4.sub (v128.load32_splat (local.get $j)) (v128.load (local.get $from))))
        (local.set $x (f32x4.add (local.get $x) (f32x4.mul (local.get $n) (local.get $n))))
        (local.set $from (i32.add (local.get $from) (local.get $length)))
        (br_if $each_number (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 4))) (local.get $shapeEnd))))
      (local.set $x (f32x4.max (f32x4.mul (local.get $x) (f32x4.splat (local.get $scale))) (v128.const f32x4 -126 -126 -126 -126)))
      (local.set $n (f32x4.nearest (local.get $x)))
      (local.set $x (f32x4.sub (local.get $x) (local.get $n)))
      (v128.store (i32.add (local.get $out) (local.get $at))
        (f32x4.mul
          (f32x4.mul
            (i32x4.shl (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $n)) (v128.const i32x4 127 127 127 127)) (i32.const 23))
            ;; 2^x for |x| <= 1/2: its series to the sixth power.
            (f32x4.add (v128.const f32x4 1 1 1 1) (f32x4.mul (local.get $x)
            (f32x4.add (v128.const f32x4 0.69314718 0.69314718 0.69314718 0.69314718) (f32x4.mul (local.get $x)
            (f32x4.add (v128.const f32x4 0.24022651 0.24022651 0.24022651 0.24022651) (f32x4.mul (local.get $x)
            (f32x4.add (v128.const f32x4 0.05550411 0.05550411 0.05550411 0.05550411) (f32x4.mul (local.get $x)
            (f32x4.add (v128.const f32x4 0.00961813 0.00961813 0.00961813 0.00961813) (f32x4.mul (local.get $x)
            (f32x4.add (v128.const f32x4 0.00133336 0.00133336 0.00133336 0.00133336) (f32x4.mul (local.get $x)
            (v128.const f32x4 0.00015404 0.00015404 0.00015404 0.00015404)))))))))))))) 
          (block (result v128)
            (local.set $n (f32x4.add (v128.const f32x4 0.5 0.5 0.5 0.5)
              (f32x4.mul (v128.const f32x4 0.5 0.5 0.5 0.5) (v128.load (i32.add (local.get $cosines) (local.get $at))))))
            (f32x4.add (v128.const f32x4 1 1 1 1) (f32x4.mul (local.get $n) (f32x4.mul (local.get $n) (local.get $n)))))))
      (br_if $each_4 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $length)))))
  ;; out[c] = sum over i of values[i] * weights[i][c], values of $values up to $end, rows of $length, a multiple of 64
  (func (export "weigh") (param $values i32) (param $end i32) (param $weights i32) (param $length i32) (param $out i32)
    (local $at i32) (local $i i32) (local $from i32) (local $value v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $each_16
      (local.set $a (v128.const f32x4 0 0 0 0))
      (local.set $b (v128.const f32x4 0 0 0 0))
      (local.set $c (v128.const f32x4 0 0 0 0))
      (local.set $d (v128.const f32x4 0 0 0 0))
      (local.set $i (local.get $values))
      (local.set $from (i32.add (local.get $weights) (local.get $at)))
      (loop $each_value
        (local.set $value (v128.load32_splat (local.get $i)))
        (local.set $a (f32x4.add (local.get $a) (f32x4.mul (local.get $value) (v128.load (local.get $from)))))
        (local.set $b (f32x4.add (local.get $b) (f32x4.mul (local.get $value) (v128.load offset=16 (local.get $from)))))
        (local.set $c (f32x4.add (local.get $c) (f32x4.mul (local.get $value) (v128.load offset=32 (local.get $from)))))
        (local.set $d (f32x4.add (local.get $d) (f32x4.mul (local.get $value) (v128.load offset=48 (local.get $from)))))
        (local.set $from (i32.add (local.get $from) (local.get $length)))
        (br_if $each_value (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (local.get $end))))
      (v128.store (i32.add (local.get $out) (local.get $at)) (local.get $a))
      (v128.store offset=16 (i32.add (local.get $out) (local.get $at)) (local.get $b))
      (v128.store offset=32 (i32.add (local.get $out) (local.get $at)) (local.get $c))
      (v128.store offset=48 (i32.add (local.get $out) (local.get $at)) (local.get $d))
      (br_if $each_16 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $length))))))
