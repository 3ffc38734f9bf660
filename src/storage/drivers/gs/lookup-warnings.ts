/** How many calls go on during which nothing is to be heard. */
let calls = 0;
let isWatched = false;

/** Google's library warns past us, by Node, that there is no metadata server here; the error that follows says what is missing. */
export async function withoutLookupWarnings<Result>(call: () => Promise<Result>): Promise<Result> {
  watch();
  calls++;
  try {
    return await call();
  } finally {
    calls--;
  }
}

/** Once and for all: whoever else replaces it meanwhile is not undone, nor are calls that overlap. */
function watch(): void {
  if (isWatched) return;
  isWatched = true;
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (calls > 0 && rest[0] === 'MetadataLookupWarning') return;
    Reflect.apply(emitWarning, undefined, [warning, ...rest]);
  };
}
