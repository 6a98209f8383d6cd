// SPDX-License-Identifier: GPL-2.0
// Starts `kpsc lsp` when a spec is opened, and shows the pages of its messages.

const { workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

exports.activate = async (context) => {
  const settings = workspace.getConfiguration('kps');
  const kernel = settings.get('kernel');
  const args = kernel ? ['lsp', '--kernel', kernel] : ['lsp'];
  const server = { command: settings.get('command'), args };
  client = new LanguageClient('kps', 'kpsc', server, {
    documentSelector: [{ language: 'kps' }],
    // Specs name these files, and the server reads them from the disk.
    synchronize: { fileEvents: workspace.createFileSystemWatcher('**/*.{rs,c,h,ko}') },
  });
  // The code of a message is a link to its page, which is in the server.
  const pages = {
    provideTextDocumentContent: async (uri) => {
      const page = await client.sendRequest('workspace/textDocumentContent', { uri: `${uri}` });
      return page ? page.text : '';
    },
  };
  context.subscriptions.push(workspace.registerTextDocumentContentProvider('kpsc', pages));
  await client.start();
};

exports.deactivate = () => client && client.stop();
