/** So much the clocks of several machines may differ, in milliseconds. What says to be from further in the future was written by a clock that was wrong. */
export const clockTolerance = 5 * 60_000;
