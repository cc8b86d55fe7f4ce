/** Something that stands in a line: by `at`, then by `seq`, which is unique. */
export interface Place {
  readonly at: number;
  readonly seq: number;
}

const TRIM_AT = 1_024;

/** A sorted line. Joining at the end and leaving at the front cost next to nothing; both elsewhere a binary search and a move. */
export class Line<P extends Place> {
  readonly #items: P[] = [];
  #front = 0; // everything before it has left

  get size(): number {
    return this.#items.length - this.#front;
  }

  get head(): P | undefined {
    return this.#items[this.#front];
  }

  join(place: P): void {
    const last = this.#items.at(-1);
    if (this.size === 0 || !last || compare(last, place) < 0) this.#items.push(place);
    else this.#items.splice(this.#indexOf(place), 0, place);
  }

  leave(place: Place): boolean {
    const index = this.#indexOf(place);
    if (this.#items[index]?.seq !== place.seq) return false;
    if (index === this.#front) this.#advance();
    else this.#items.splice(index, 1);
    return true;
  }

  /** How many stand before this place, whether or not somebody holds it. */
  before(place: Place): number {
    return this.#indexOf(place) - this.#front;
  }

  #advance(): void {
    this.#front += 1;
    if (this.#front < TRIM_AT || this.#front < this.#items.length / 2) return;
    this.#items.splice(0, this.#front);
    this.#front = 0;
  }

  #indexOf(place: Place): number {
    let low = this.#front;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#items[middle] as P, place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a: Place, b: Place): number {
  return a.at - b.at || a.seq - b.seq;
}
