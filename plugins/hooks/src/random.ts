/**
 * `Math.random`. The engine's state is part of the component's snapshot, so every instance would draw the same numbers;
 * this one is seeded when an instance starts (xoshiro128**).
 */

interface Source { bytes(length: number): ArrayLike<number> }

const state = new Uint32Array(4);

function draw(): number {
  const [a, b, c, d] = state as unknown as [number, number, number, number];
  const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
  state[2] = c ^ a;
  state[3] = d ^ b;
  state[1] = b ^ state[2]!;
  state[0] = a ^ state[3]!;
  state[2] = state[2]! ^ (b << 9);
  state[3] = rotate(state[3]!, 11);
  return scrambled;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

export function seedRandom(source: Source): void {
  let seed: ArrayLike<number>;
  try {
    seed = source.bytes(16);
  } catch {
    // Without the grant for `crypto` the clock has to do: these numbers guard nothing.
    const now = [Date.now() % 2 ** 32, performance.now() * 1e6];
    seed = Array.from({ length: 16 }, (_, at) => (now[at & 1]! / 2 ** (at >> 1)) & 0xff);
  }
  for (let word = 0; word < 4; word++) {
    let value = 0;
    for (let at = 0; at < 4; at++) value = (value << 8) | (seed[word * 4 + at] ?? 0);
    state[word] = value;
  }
  if (state.every((word) => word === 0)) state[0] = 1;
  Math.random = () => ((draw() >>> 5) * 2 ** 26 + (draw() >>> 6)) / 2 ** 53;
}
