/**
 * Whether everything is tried as often as it can be: `HOLDFAST_TEST_THOROUGH=1`. Otherwise tests that repeat one proof with other numbers
 * (seeds, rounds, objects of a listing) do it less often; no kind of check is left out.
 */
export const thorough = process.env['HOLDFAST_TEST_THOROUGH'] === '1';
