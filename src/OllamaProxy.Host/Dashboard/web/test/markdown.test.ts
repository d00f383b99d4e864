import { describe, expect, it } from 'vitest';
import { colored } from '../src/code';
import { type Block, markdown } from '../src/markdown';
import { type Inline, inline, safeAddress } from '../src/markdown-inline';

/** Every text of a tree, in order. */
function textOf(part: Block | Inline | Block[] | Inline[]): string {
  if (Array.isArray(part)) {
    return part.map(textOf).join('');
  }
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'code':
      return part.text;
    case 'break':
      return '\n';
    case 'rule':
      return '';
    case 'list':
      return part.items.map(textOf).join('');
    case 'quote':
      return textOf(part.blocks);
    case 'table':
      return [part.head, ...part.rows].map((row) => row.map(textOf).join('')).join('');
    case 'paragraph':
    case 'heading':
      return textOf(part.line);
    default:
      return textOf(part.parts);
  }
}

function linksOf(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) {
    return [];
  }
  return [...('href' in part ? [String(part.href)] : []), ...Object.values(part).flatMap(linksOf)];
}

const text = (value: string): Inline => ({ kind: 'text', text: value });

describe('Markdown blocks', () => {
  it('knows what models write', () => {
    expect(
      markdown('# Title\n\nA *b* **c** `d`\nnext\n\n- one\n- two\n\n1. first\n\n```ts\nlet x = "<b>";\n```\n> said\n\n---\n\n|a|b|\n|-|-|\n|1|2|').map(
        (block) => block.kind,
      ),
    ).toEqual(['heading', 'paragraph', 'list', 'list', 'code', 'quote', 'rule', 'table']);
  });

  it('reads tables with alignments, escaped bars and bars in code', () => {
    expect(markdown('| Model | tok/s |\n|:--|--:|\n| `a|b` | 1 |\n| c\\|d | **2** |\n\nafter')).toEqual([
      {
        kind: 'table',
        head: [[text('Model')], [text('tok/s')]],
        alignments: ['left', 'right'],
        rows: [
          [[{ kind: 'code', text: 'a|b' }], [text('1')]],
          [[text('c|d')], [{ kind: 'strong', parts: [text('2')] }]],
        ],
      },
      { kind: 'paragraph', line: [text('after')] },
    ]);
  });
  it('keeps empty cells', () => expect(markdown('|a|b|c|\n|-|-|-|\n|1||3|')[0]).toMatchObject({ rows: [[[text('1')], [], [text('3')]]] }));
  it('needs a row of dashes for a table', () => expect(markdown('a | b\nc | d').map((block) => block.kind)).toEqual(['paragraph']));

  it('nests lists, and code in them', () => {
    const [list] = markdown('1. First:\n   - a\n   - b\n\n2. Then:\n\n   ```sh\n   ls -l\n     pwd\n   ```\n3. [x] done');
    expect(list).toMatchObject({ kind: 'list', isOrdered: true, start: 1 });
    const items = (list as Extract<Block, { kind: 'list' }>).items;
    expect(items.map((item) => item.map((block) => block.kind))).toEqual([['paragraph', 'list'], ['paragraph', 'code'], ['paragraph']]);
    expect(items[1]![1]).toEqual({ kind: 'code', language: 'sh', text: 'ls -l\n  pwd' });
    expect(textOf(items[2]!)).toBe('☑ done');
  });
  it('goes on with a numbered list that starts later', () => expect(markdown('3. c\n4. d')[0]).toMatchObject({ start: 3 }));
  it('does not need a closing fence', () => expect(markdown('```\na\n# b')).toEqual([{ kind: 'code', text: 'a\n# b', language: '' }]));
  it('closes a fence with a fence of the same kind only', () =>
    expect(markdown('````md\n```\na\n```\n````\nb').map((block) => block.kind)).toEqual(['code', 'paragraph']));
  it('takes a fence with words behind the language', () =>
    expect(markdown('```python title="a.py"\nx\n```')[0]).toEqual({ kind: 'code', text: 'x', language: 'python' }));
  it('keeps tabs and indentation of code in a fence, which may be copied', () => {
    expect(markdown('```make\n\tall:\n\t\tcc\n```')).toEqual([{ kind: 'code', language: 'make', text: '\tall:\n\t\tcc' }]);
    expect(markdown('```\n    a\n      b\n```')).toEqual([{ kind: 'code', language: '', text: '    a\n      b' }]);
    expect(markdown('-\ta\n\n\t```go\n\tif x {\n\t\ty()\n\t```')).toMatchObject([
      { items: [[{ kind: 'paragraph' }, { kind: 'code', text: 'if x {\n\ty()' }]] },
    ]);
  });
  it('nests lists by tabs', () =>
    expect(markdown('- a\n\t- b\n\t\t- c')).toMatchObject([{ items: [[{}, { kind: 'list', items: [[{}, { kind: 'list' }]] }]] }]));
  it('reads many lines of code', () => expect(markdown(`\`\`\`\n${'a\n'.repeat(300_000)}`).length).toBe(1));
  it('keeps the indentation of code without a fence', () => expect(textOf(markdown('if x:\n    return 1'))).toBe('if x:\n    return 1'));
  it('reads quotes in quotes', () => expect(markdown('> a\n> > b')).toMatchObject([{ kind: 'quote', blocks: [{ kind: 'paragraph' }, { kind: 'quote' }] }]));
});

describe('Markdown lines', () => {
  it.each<[string, Inline[]]>([
    ['2 * 3 * 4 and a*b', [text('2 * 3 * 4 and a*b')]],
    ['snake_case_name __init__.py', [text('snake_case_name '), { kind: 'strong', parts: [text('init')] }, text('.py')]],
    ['**a *b* c**', [{ kind: 'strong', parts: [text('a '), { kind: 'emphasis', parts: [text('b')] }, text(' c')] }]],
    ['***both***', [{ kind: 'strong', parts: [{ kind: 'emphasis', parts: [text('both')] }] }]],
    ['~~old~~', [{ kind: 'deleted', parts: [text('old')] }]],
    ['`` a`b ``', [{ kind: 'code', text: 'a`b' }]],
    ['\\*not\\* \\a', [text('*not* \\a')]],
    ['one<br>two<br/>', [text('one'), { kind: 'break' }, text('two'), { kind: 'break' }]],
    ['**open', [text('**open')]],
    ['[a](https://example.com/x_(y)?q=1 "title")', [{ kind: 'link', href: 'https://example.com/x_(y)?q=1', parts: [text('a')] }]],
    ['[**a**](<https://example.com>)', [{ kind: 'link', href: 'https://example.com/', parts: [{ kind: 'strong', parts: [text('a')] }] }]],
    ['see https://example.com/a_b.', [text('see '), { kind: 'link', href: 'https://example.com/a_b', parts: [text('https://example.com/a_b')] }, text('.')]],
    ['(https://example.com)', [text('('), { kind: 'link', href: 'https://example.com/', parts: [text('https://example.com')] }, text(')')]],
    ['![cat](https://example.com/c.png)', [{ kind: 'link', href: 'https://example.com/c.png', parts: [text('image: cat')] }]],
    ['[me](mailto:a@example.com)', [{ kind: 'link', href: 'mailto:a@example.com', parts: [text('me')] }]],
    ['array[0](x) [1]', [text('array[0](x) [1]')]],
  ])('reads %s', (line, parts) => expect(inline(line)).toEqual(parts));
});

describe('hostile Markdown', () => {
  const hostile = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\tscript:alert(1)',
    'java\u0000script:alert(1)',
    '\u0001javascript:alert(1)',
    'javascript&colon;alert(1)',
    '&#106;avascript:alert(1)',
    'javascript:%0aalert(1)',
    '//evil.example/x',
    '/analytics/logout',
    '../messages/1',
    '#/requests',
    'data:text/html,<script>alert(1)</script>',
    'data:image/svg+xml;base64,AAAA',
    'vbscript:msgbox(1)',
    'blob:https://example.com/1',
    'file:///etc/passwd',
    'about:blank',
    'view-source:https://example.com',
    'intent://x#Intent;end',
    'ftp://example.com',
    'ws://example.com',
    'http:',
    'https://',
  ];
  it.each(hostile)('makes no link to %s', (address) => {
    for (const text of [
      `[x](${address})`,
      `[x](<${address}>)`,
      `![x](${address})`,
      `[x](${address} "t")`,
      `<${address}>`,
      address,
      `| [x](${address}) |\n|-|\n`,
      `- [x](${address})`,
    ]) {
      const links = linksOf(markdown(text));
      expect(links.filter((link) => !/^https?:\/\/[a-z]/.test(link))).toEqual([]);
      // The address may end in one that is good, which then is a link by itself.
      expect(links.length === 0 || /https?:\/\/[a-z]/.test(address)).toBe(true);
    }
  });
  it('makes links of what the browser will open, not of what was written', () => {
    expect(safeAddress('https://example.com\\@evil.example/')).toBe('https://example.com/@evil.example/');
    expect(safeAddress('HTTPS://EXAMPLE.com/"onmouseover="alert(1)')).toBe('https://example.com/%22onmouseover=%22alert(1)');
    expect(safeAddress('https://example.com/\n/a')).toBe('https://example.com//a');
  });
  it.each([
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    '<svg/onload=alert(1)>',
    '<a href="javascript:alert(1)">x</a>',
    '<iframe srcdoc="<p>">',
    '<!-- x -->',
    '&lt;b&gt;',
  ])('leaves %s as the text it is', (html) => {
    expect(markdown(html)).toEqual([{ kind: 'paragraph', line: [text(html)] }]);
    expect(textOf(markdown(`# ${html}\n\n- ${html}\n\n> ${html}\n\n|${html}|\n|-|\n|${html}|`)).split(html).length).toBe(6);
  });

  const length = 60_000;
  it.each([
    '[',
    '![',
    '](',
    '[a](',
    '*',
    '**',
    '* ',
    '_a',
    '__',
    '~~',
    '`',
    '``a',
    '`a``',
    '|',
    '|-',
    '>',
    '> > ',
    '- ',
    '-',
    '1. ',
    '#',
    '# ',
    '\\',
    '<br',
    'http://',
    'https://a.',
    '"',
    "'",
    '/*',
    '<!--',
    ' ',
    '\t',
    '\n',
    '\n> ',
    '\n- ',
    '\n  - ',
    '```\n',
    '|a\n|-\n',
    '[a](https://x "',
    '*a **b ',
    '(((',
    'ﷺ',
    '\ud800',
  ])(
    'reads a long row of %j',
    (piece) => {
      const long = piece.repeat(length / piece.length);
      expect(markdown(`${long}x`).length).toBeGreaterThan(0);
      expect(colored(`${long}x`.slice(0, 39_000), 'js').length).toBeGreaterThan(0);
    },
    60_000,
  );
  it('reads anything, and loses no letter of it', () => {
    const pieces = '* ** _ __ ~~ ` `` - 1. > | |-| # [ ]( ) ! \\ <br> : " --- http://a.b javascript:x é 😀'
      .split(' ')
      .concat('\n', '\n\n', '\t', '    ', '\r\n', '\ud83d', '\n```\n', '\n> ', '\n- ');
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const letters = (all: string) => [...all].filter((letter) => letter === 'é' || letter === '😀').join('');
    for (let round = 0; round < 5000; round++) {
      const written = Array.from({ length: 1 + next(25) }, () => pieces[next(pieces.length)]!).join('');
      const read = markdown(written);
      expect(linksOf(read).filter((link) => !link.startsWith('http://a.'))).toEqual([]);
      // Words behind a fence, and the address of a link, are not shown.
      if (!/```|~~~|\]\(/.test(written)) {
        expect(letters(textOf(read)), JSON.stringify(written)).toBe(letters(written));
      }
    }
  });
  it('does not exhaust the stack', () => {
    expect(markdown(Array.from({ length: 800 }, (_, depth) => `${' '.repeat(depth * 2)}- a`).join('\n')).length).toBe(1);
    expect(textOf(markdown(`${'>'.repeat(20_000)} end`))).toContain('end');
    expect(textOf(inline(`${'**_'.repeat(5000)}end${'_**'.repeat(5000)}`))).toContain('end');
  });
});

describe('coloring of code', () => {
  it.each([
    ['python', 'def f(x):  # "no"\n    return "a\\"b" + 1.5', ['keyword def', 'comment # "no"', 'keyword return', 'string "a\\"b"', 'number 1.5']],
    ['ts', "const a = 'x'; // c\n/* d */", ['keyword const', "string 'x'", 'comment // c', 'comment /* d */']],
    ['sql', 'SELECT a FROM b -- c', ['keyword SELECT', 'keyword FROM', 'comment -- c']],
    ['json', '{"a": [1, true]}', ['string "a"', 'number 1', 'keyword true']],
    ['text', 'const a = 1', []],
  ])('finds the parts of %s', (language, code, parts) => {
    const found = colored(code, language);
    expect(found.map((part) => part.text).join('')).toBe(code);
    expect(found.filter((part) => part.kind !== 'plain').map((part) => `${part.kind} ${part.text}`)).toEqual(parts);
  });
});
