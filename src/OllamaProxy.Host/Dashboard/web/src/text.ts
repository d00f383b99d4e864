/** Texts in parts. Nothing here makes HTML: the page puts each part in as text. */

export interface Piece {
  text: string;
  isHit: boolean;
}

/** Splits a text at where a search occurs in it, in any case. */
export function highlight(text: string, search: string | undefined): Piece[] {
  if (!search) {
    return [{ text, isHit: false }];
  }
  // By regular expression, because lower case may be longer than upper.
  const pattern = new RegExp(search.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'giu');
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) {
      pieces.push({ text: text.slice(at, match.index), isHit: false });
    }
    pieces.push({ text: match[0], isHit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length || pieces.length === 0) {
    pieces.push({ text: text.slice(at), isHit: false });
  }
  return pieces;
}

/** One line of a text, around the first hit of a search. */
export function excerpt(text: string, search: string | undefined, length = 200): string {
  const hit = search ? text.toLowerCase().indexOf(search.toLowerCase()) : -1;
  const start = hit > 32 ? hit - 14 : 0;
  const line = text
    .slice(start, start + length)
    .replace(/\s+/gu, ' ')
    .trim();
  return `${start > 0 ? '… ' : ''}${line}`;
}
