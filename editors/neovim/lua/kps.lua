-- SPDX-License-Identifier: GPL-2.0
-- Specs in Neovim, 0.7 or newer. With the folder above `lua` in 'runtimepath', init.lua says
-- `require('kps').setup()`.

local M = {}

-- The fields of `options`, all of which may be missing:
-- command: the program kpsc
-- kernel: the target to check specs for, if not the default one
-- parser: the compiled grammar of `tree-sitter-kps`, for colours
-- queries: the folder of its queries
function M.setup(options)
  options = options or {}
  for name, value in pairs(options) do
    options[name] = vim.fn.expand(value)
  end
  local cmd = { options.command or 'kpsc', 'lsp' }
  if options.kernel then
    vim.list_extend(cmd, { '--kernel', options.kernel })
  end

  local function start(buffer)
    if not M.client or vim.lsp.client_is_stopped(M.client) then
      local file = vim.api.nvim_buf_get_name(buffer)
      local root = vim.fn.fnamemodify(file, ':p:h')
      M.client = vim.lsp.start_client({ name = 'kpsc', cmd = cmd, root_dir = root })
    end
    if M.client then
      vim.lsp.buf_attach_client(buffer, M.client)
      vim.bo[buffer].omnifunc = 'v:lua.vim.lsp.omnifunc'
    end
    if options.parser then
      M.colour(buffer, options)
    end
  end

  vim.api.nvim_create_autocmd({ 'BufNewFile', 'BufRead' }, {
    pattern = '*.kps',
    callback = function(event)
      vim.bo[event.buf].filetype = 'kps'
      vim.bo[event.buf].commentstring = '// %s'
      start(event.buf)
    end,
  })
end

-- Colours a buffer. Bodies are Rust where Neovim has a parser for it, from version 0.9 on.
function M.colour(buffer, options)
  local function query(name)
    return table.concat(vim.fn.readfile(options.queries .. '/' .. name .. '.scm'), '\n')
  end
  local is_new = vim.fn.has('nvim-0.9') == 1
  local add = is_new and vim.treesitter.language.add or nil
  if add then
    add('kps', { path = options.parser })
    vim.treesitter.query.set('kps', 'highlights', query('highlights'))
    vim.treesitter.query.set('kps', 'injections', query('injections'))
    vim.treesitter.start(buffer, 'kps')
    return
  end
  vim.treesitter.require_language('kps', options.parser)
  vim.treesitter.set_query('kps', 'highlights', query('highlights'))
  vim.treesitter.highlighter.new(vim.treesitter.get_parser(buffer, 'kps'), {})
end

return M
