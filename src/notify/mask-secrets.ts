/** A text in which these secrets cannot be read, whichever way they are written in it. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const written = secrets
    .flatMap((secret) =>
      secret.length < 4
        ? []
        : [
            secret,
            encodeURIComponent(secret),
            JSON.stringify(secret).slice(1, -1),
            Buffer.from(secret, 'utf8').toString('base64'),
          ],
    )
    // The longest first: one secret may be a part of another.
    .toSorted((left, right) => right.length - left.length);
  return written.reduce((masked, secret) => masked.replaceAll(secret, '[secret]'), text);
}
