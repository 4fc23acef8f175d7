/** The image routines by element type, as the host calls them. */
import { convolve, pullback_images, pullback_weights } from "./convolution";
import { pullback_picked } from "./picked";
import { max_pool, sum_pool } from "./pooling";
import { col2im, im2col, unfold } from "./windows";

export function im2col_f64(w: usize, images: usize, out: usize): void {
  im2col<f64>(w, images, out);
}

export function im2col_f32(w: usize, images: usize, out: usize): void {
  im2col<f32>(w, images, out);
}

export function col2im_f64(w: usize, columns: usize, images: usize): void {
  col2im<f64>(w, columns, images);
}

export function col2im_f32(w: usize, columns: usize, images: usize): void {
  col2im<f32>(w, columns, images);
}

export function convolve_f64(w: usize, images: usize, weights: usize, y: usize, patches: usize, flat: usize, stride: usize): void {
  convolve<f64>(w, images, weights, y, patches, flat, stride);
}

export function convolve_f32(w: usize, images: usize, weights: usize, y: usize, patches: usize, flat: usize, stride: usize): void {
  convolve<f32>(w, images, weights, y, patches, flat, stride);
}

export function convolve_pullback_images_f64(w: usize, dy: usize, weights: usize, images: usize, patches: usize, flat: usize, stride: usize): void {
  pullback_images<f64>(w, dy, weights, images, patches, flat, stride);
}

export function convolve_pullback_images_f32(w: usize, dy: usize, weights: usize, images: usize, patches: usize, flat: usize, stride: usize): void {
  pullback_images<f32>(w, dy, weights, images, patches, flat, stride);
}

export function convolve_pullback_weights_f64(w: usize, images: usize, dy: usize, dweights: usize, patches: usize, flat: usize, stride: usize, fresh: bool): void {
  pullback_weights<f64>(w, images, dy, dweights, patches, flat, stride, fresh);
}

export function convolve_pullback_weights_f32(w: usize, images: usize, dy: usize, dweights: usize, patches: usize, flat: usize, stride: usize, fresh: bool): void {
  pullback_weights<f32>(w, images, dy, dweights, patches, flat, stride, fresh);
}

export function max_pool_f64(w: usize, images: usize, y: usize, source: usize, first: i32): void {
  max_pool<f64>(w, images, y, source, first);
}

export function max_pool_f32(w: usize, images: usize, y: usize, source: usize, first: i32): void {
  max_pool<f32>(w, images, y, source, first);
}

export function sum_pool_f64(w: usize, factors: usize, images: usize, y: usize, back: bool): void {
  sum_pool<f64>(w, factors, images, y, back);
}

export function sum_pool_f32(w: usize, factors: usize, images: usize, y: usize, back: bool): void {
  sum_pool<f32>(w, factors, images, y, back);
}

export function picked_pullback_images_f64(w: usize, images: usize, from: usize, values: usize, weights: usize, picks: i32, sets: i32, base: i32, starts: usize, turned: usize, padded: usize, high: i32, wide: i32): void {
  pullback_picked<f64>(w, images, from, values, weights, picks, sets, base, starts, turned, padded, high, wide, true);
}

export function picked_pullback_weights_f64(w: usize, images: usize, from: usize, values: usize, gradients: usize, picks: i32, sets: i32, base: i32, starts: usize, turned: usize, padded: usize, high: i32, wide: i32): void {
  pullback_picked<f64>(w, images, from, values, gradients, picks, sets, base, starts, turned, padded, high, wide, false);
}

export function picked_pullback_images_f32(w: usize, images: usize, from: usize, values: usize, weights: usize, picks: i32, sets: i32, base: i32, starts: usize, turned: usize, padded: usize, high: i32, wide: i32): void {
  pullback_picked<f32>(w, images, from, values, weights, picks, sets, base, starts, turned, padded, high, wide, true);
}

export function picked_pullback_weights_f32(w: usize, images: usize, from: usize, values: usize, gradients: usize, picks: i32, sets: i32, base: i32, starts: usize, turned: usize, padded: usize, high: i32, wide: i32): void {
  pullback_picked<f32>(w, images, from, values, gradients, picks, sets, base, starts, turned, padded, high, wide, false);
}

export function unfold_f64(w: usize, images: usize, patches: usize, stride: usize, back: bool): void {
  unfold<f64>(w, images, patches, stride, back);
}

export function unfold_f32(w: usize, images: usize, patches: usize, stride: usize, back: bool): void {
  unfold<f32>(w, images, patches, stride, back);
}
