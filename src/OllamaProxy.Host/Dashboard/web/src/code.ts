/** Light coloring of code: comments, texts, numbers and the words that most languages share. It need not be right, only helpful. */

export interface CodePart {
  text: string;
  kind: 'plain' | 'comment' | 'string' | 'number' | 'keyword';
}

const words =
  'abstract and as async await bool boolean break case catch char class const continue def defer del delete do done double elif else elseif end enum esac except export extends extern false fi final finally float fn for foreach from func function go if impl implements import in int interface internal is lambda let long loop match mod module mut namespace new nil None not null number object of or override package pass private protected pub public raise readonly record ref return self sealed select static string struct super switch then this throw true True False try type typeof union unsafe use using var virtual void when where while with yield';
const sqlWords =
  'select from where and or not null insert into values update set delete create table index view join left right inner outer on as group by order having limit offset union all distinct primary key foreign references default case when then else end in is like between exists';

const keywords = new Set(words.split(' '));
const sqlKeywords = new Set(sqlWords.split(' '));
const hashLanguages = /^(python|py|bash|sh|shell|zsh|console|ruby|rb|yaml|yml|toml|ini|perl|r|dockerfile|makefile|make|powershell|ps1|nginx|conf|elixir)$/;
const dashLanguages = /^(sql|lua|haskell|hs|ada|postgresql|mysql|sqlite)$/;

/** Longer code stays plain: coloring it would take longer than reading it. */
const maxLength = 40_000;

const common = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|${'`'}(?:[^${'`'}\\]|\\.)*${'`'}|\b\d[\w.]*\b|[A-Za-z_]\w*`;

export function colored(code: string, language: string): CodePart[] {
  const name = language.toLowerCase();
  if (code.length > maxLength || name === '' || /^(text|txt|plain|plaintext|output|markdown|md)$/.test(name)) {
    return [{ text: code, kind: 'plain' }];
  }
  const comments = hashLanguages.test(name)
    ? '#.*'
    : dashLanguages.test(name)
      ? '--.*'
      : name === 'json'
        ? null
        : '//.*|/\\*[^]*?(?:\\*/|$)|<!--[^]*?(?:-->|$)';
  const isSql = dashLanguages.test(name) && !/^(lua|haskell|hs|ada)$/.test(name);
  const pattern = new RegExp(comments === null ? `(?!)()|${common}` : `(${comments})|${common}`, 'g');
  const parts: CodePart[] = [];
  let at = 0;
  const add = (text: string, kind: CodePart['kind']) => {
    const last = parts[parts.length - 1];
    if (last?.kind === kind) {
      last.text += text;
    } else if (text) {
      parts.push({ text, kind });
    }
  };
  for (const match of code.matchAll(pattern)) {
    add(code.slice(at, match.index), 'plain');
    const text = match[0];
    const isKeyword = isSql ? sqlKeywords.has(text.toLowerCase()) : keywords.has(text);
    add(text, match[1] !== undefined ? 'comment' : /^["'`]/.test(text) ? 'string' : /^\d/.test(text) ? 'number' : isKeyword ? 'keyword' : 'plain');
    at = match.index + text.length;
  }
  add(code.slice(at), 'plain');
  return parts;
}
