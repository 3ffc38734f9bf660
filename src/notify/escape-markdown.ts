/** Text that Markdown shows as it is, and that mentions nobody: an `@` is followed by a space without width. */
export function escapeMarkdown(text: string): string {
  return text.replaceAll(/([\\`*_~|[\]<>#])/gu, String.raw`\$1`).replaceAll('@', '@\u200b');
}
