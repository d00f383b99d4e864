import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Relative, so that the page works under any prefix.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    // As files: the page's policy has no exceptions to make for them.
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
  },
  test: { include: ['test/**/*.test.ts'] },
});
