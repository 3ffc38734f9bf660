import { systemRandom } from '../../base/random.ts';

const base = 36;
const timeLength = 9;
const randomLength = 7;

/** Makes identifiers of 16 letters and digits that sort by the time of their making; those of one maker also within a millisecond. */
export function identifierMaker(): (now: number) => string {
  let last = 0;
  return (now) => {
    // A clock that jumps back by more than this was set; what it said before is of no use then.
    last = last - now > 60_000 ? now : Math.max(now, last + 1);
    return last.toString(base).padStart(timeLength, '0') + randomText();
  };
}

function randomText(): string {
  let number = 0;
  for (const byte of systemRandom(6)) number = number * 256 + byte;
  return (number % base ** randomLength).toString(base).padStart(randomLength, '0');
}
