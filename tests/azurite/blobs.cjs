// Fills a container of a test's Azurite, or signs for it.
//   node blobs.cjs upload CONNECTION CONTAINER [FOLDER]     makes the container and puts every file below FOLDER into it
//   node blobs.cjs sas CONNECTION CONTAINER                 prints a signature that may read and list for an hour
const fs = require("node:fs");
const path = require("node:path");
const { BlobServiceClient, ContainerSASPermissions } = require("@azure/storage-blob");

async function upload(container, folder) {
  await container.createIfNotExists();
  if (!folder) return;
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const name = path.relative(folder, file).split(path.sep).join("/");
    await container.getBlockBlobClient(name).uploadFile(file);
  }
}

async function sas(container) {
  const expiresOn = new Date(Date.now() + 3600_000);
  const url = await container.generateSasUrl({ permissions: ContainerSASPermissions.parse("rl"), expiresOn });
  console.log(new URL(url).search.slice(1));
}

const [what, connection, name, folder] = process.argv.slice(2);
const container = BlobServiceClient.fromConnectionString(connection).getContainerClient(name);
(what === "sas" ? sas(container) : upload(container, folder)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
