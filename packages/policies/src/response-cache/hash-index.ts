/** Numbers by hash. Two hashes that begin with the same 48 bits share an entry: who finds one must look whether it is meant. */
export type HashIndex = {
  get(hash: string): number | undefined;
  /** Forgets others when it is full. */
  set(hash: string, value: number): void;
  /** Only as long as it still has this value. */
  delete(hash: string, value: number): void;
};

/** Places looked at for one hash. */
const reach = 16;
const empty = -1;

/** A table with open addressing in two arrays outside the heap. `hash` is a string of one byte a character, evenly spread. */
export function createHashIndex(entries: number): HashIndex {
  const size = 2 ** Math.ceil(Math.log2(Math.max(reach, entries * 2)));
  const keys = new Float64Array(size).fill(empty);
  const values = new Float64Array(size);

  /** 48 bits, which a double holds exactly. */
  function keyOf(hash: string): number {
    const high = hash.charCodeAt(0) * 65_536 + hash.charCodeAt(1) * 256 + hash.charCodeAt(2);
    const low = hash.charCodeAt(3) * 65_536 + hash.charCodeAt(4) * 256 + hash.charCodeAt(5);
    return high * 16_777_216 + low;
  }

  /** Where a key is, or where it may be put; the last place that was looked at when there is no room. */
  function placeOf(key: number): number {
    const start = key % size;
    let free = -1;
    for (let step = 0; step < reach; step++) {
      const place = (start + step) % size;
      if (keys[place] === key) return place;
      if (free < 0 && keys[place] === empty) free = place;
    }
    return free < 0 ? (start + reach - 1) % size : free;
  }

  return {
    get(hash) {
      const key = keyOf(hash);
      const place = placeOf(key);
      return keys[place] === key ? values[place] : undefined;
    },
    set(hash, value) {
      const key = keyOf(hash);
      const place = placeOf(key);
      keys[place] = key;
      values[place] = value;
    },
    delete(hash, value) {
      const key = keyOf(hash);
      const place = placeOf(key);
      if (keys[place] === key && values[place] === value) keys[place] = empty;
    },
  };
}
