/**
 * `$NAME` and `${NAME}` in a text replaced by the values of variables, unknown ones left as they are, and `$$` by `$`: as Python's `Template.safe_substitute`,
 * which job commands were made for.
 */
export function substituteVariables(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return text.replaceAll(
    /\$(?:(\$)|([_a-z][_a-z0-9]*)|\{([_a-z][_a-z0-9]*)\})/giu,
    (whole, dollar: string | undefined, plain: string | undefined, braced: string | undefined) =>
      dollar ?? environment[plain ?? braced ?? ''] ?? whole,
  );
}
