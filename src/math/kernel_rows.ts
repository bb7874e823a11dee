import { wasmKernel } from './wasm_kernel.ts'

/** What kernel_rows.wat exports: memory, and functions that leave their numbers in it. Places are bytes from its start. */
interface KernelRows {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  kernel(
    cosines: number,
    shape: number,
    shapeEnd: number,
    shapes: number,
    length: number,
    scale: number,
    out: number,
  ): void
  weigh(values: number, end: number, weights: number, length: number, out: number): void
}

/** 32-bit numbers that are computed at once; rows are filled up to a multiple of it. */
const LANES = 4
/** Columns of a product that are. */
const COLUMNS = 16
const BYTES = 4
const PAGE = 65536

/**
 * A function that fills `out` with a kernel between a prompt and each landmark:
 * exp(−‖shape − shape of the landmark‖² / (2 · width)) · (1 + ((1 + cosine) / 2)³). Both must look alike; meaning sharpens.
 * Off by 1e-6 at most.
 * @param shapes of the landmarks, row-major landmarks × numbers of a shape
 */
export function createKernel(
  shapes: Float32Array,
  landmarks: number,
  width: number,
): (cosines: Float32Array, shape: Float32Array, out: Float32Array) => void {
  const size = shapes.length / landmarks
  const padded = Math.ceil(landmarks / LANES) * LANES
  const shapeAt = padded * BYTES * 2
  const shapesAt = shapeAt + Math.ceil(size / LANES) * LANES * BYTES
  const { memory, kernel } = instantiate(shapesAt + size * padded * BYTES)
  const near = new Float32Array(memory.buffer, 0, landmarks)
  const filled = new Float32Array(memory.buffer, padded * BYTES, landmarks)
  const asked = new Float32Array(memory.buffer, shapeAt, size)
  const stored = new Float32Array(memory.buffer, shapesAt, size * padded)
  for (let k = 0; k < landmarks; k++) {
    for (let j = 0; j < size; j++) stored[j * padded + k] = shapes[k * size + j]!
  }
  const scale = -Math.LOG2E / (2 * width)
  return (cosines, shape, out) => {
    near.set(cosines)
    asked.set(shape)
    kernel(0, shapeAt, shapeAt + size * BYTES, shapesAt, padded * BYTES, scale, padded * BYTES)
    out.set(filled)
  }
}

/**
 * A function that multiplies a row of numbers by a row-major matrix with as many rows, in 32 bits. The result has the matrix's
 * columns, and is the same memory every time.
 */
export function createProduct(matrix: Float32Array, columns: number): (values: Float32Array) => Float32Array {
  const rows = matrix.length / columns
  const padded = Math.ceil(columns / COLUMNS) * COLUMNS
  const outAt = Math.ceil(rows / LANES) * LANES * BYTES
  const matrixAt = outAt + padded * BYTES
  const { memory, weigh } = instantiate(matrixAt + rows * padded * BYTES)
  const asked = new Float32Array(memory.buffer, 0, rows)
  const product = new Float32Array(memory.buffer, outAt, columns)
  const stored = new Float32Array(memory.buffer, matrixAt, rows * padded)
  for (let i = 0; i < rows; i++) stored.set(matrix.subarray(i * columns, (i + 1) * columns), i * padded)
  return values => {
    asked.set(values)
    weigh(0, rows * BYTES, matrixAt, padded * BYTES, outAt)
    return product
  }
}

function instantiate(bytes: number): KernelRows {
  const instance = kernelRows.create()
  instance.memory.grow(Math.ceil(bytes / PAGE))
  return instance
}

/** kernel_rows.wat. */
export const kernelRows = wasmKernel<KernelRows>(
  'AGFzbQEAAAABEwJgB39/f39/fX8AYAV/f39/fwADAwIAAQUDAQABBxsDBm1lbW9yeQIABmtlcm5lbAAABXdlaWdoAAEK1QUCzQMCA38CewNA/QwA' +
    'AAAAAAAAAAAAAAAAAAAAIQogASEIIAMgB2ohCQNAIAj9CQIAIAn9AAQA/eUBIQsgCiALIAv95gH95AEhCiAJIARqIQkgCEEEaiIIIAJJDQALIAog' +
    'Bf0T/eYB/QwAAPzCAAD8wgAA/MIAAPzC/ekBIQogCv1qIQsgCiAL/eUBIQogBiAHaiAL/fgB/Qx/AAAAfwAAAH8AAAB/AAAA/a4BQRf9qwH9DAAA' +
    'gD8AAIA/AACAPwAAgD8gCv0MGHIxPxhyMT8YcjE/GHIxPyAK/Qzw/XU+8P11PvD9dT7w/XU+IAr9DEdYYz1HWGM9R1hjPUdYYz0gCv0MXJUdPFyV' +
    'HTxclR08XJUdPCAK/QwjxK46I8SuOiPErjojxK46IAr9DMyFITnMhSE5zIUhOcyFITn95gH95AH95gH95AH95gH95AH95gH95AH95gH95AH95gH9' +
    '5AH95gECe/0MAAAAPwAAAD8AAAA/AAAAP/0MAAAAPwAAAD8AAAA/AAAAPyAAIAdq/QAEAP3mAf3kASEL/QwAAIA/AACAPwAAgD8AAIA/IAsgCyAL' +
    '/eYB/eYB/eQBC/3mAf0LBAAgB0EQaiIHIARJDQALC4MCAgN/BXsDQP0MAAAAAAAAAAAAAAAAAAAAACEJ/QwAAAAAAAAAAAAAAAAAAAAAIQr9DAAA' +
    'AAAAAAAAAAAAAAAAAAAhC/0MAAAAAAAAAAAAAAAAAAAAACEMIAAhBiACIAVqIQcDQCAG/QkCACEIIAkgCCAH/QAEAP3mAf3kASEJIAogCCAH/QAE' +
    'EP3mAf3kASEKIAsgCCAH/QAEIP3mAf3kASELIAwgCCAH/QAEMP3mAf3kASEMIAcgA2ohByAGQQRqIgYgAUkNAAsgBCAFaiAJ/QsEACAEIAVqIAr9' +
    'CwQQIAQgBWogC/0LBCAgBCAFaiAM/QsEMCAFQcAAaiIFIANJDQALCw==',
)
