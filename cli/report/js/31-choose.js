// Section 8: files that the reader chooses or drops. They are read here and go nowhere.

/** Calls `chosen` with a list of `{name, blob}`. */
function whenFilesAreChosen(chosen) {
  const [input, zone] = [byId("files"), byId("drop")];
  const named = (file) => ({ name: file.name, blob: file });
  input.addEventListener("change", () => {
    if (input.files.length > 0) chosen(Array.from(input.files, named));
  });
  for (const type of ["dragenter", "dragover"]) {
    zone.addEventListener(type, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry?.() ?? null);
    // A folder that is dropped alone is the package's.
    const folder = entries.length === 1 && entries[0]?.isDirectory ? entries[0] : null;
    chosen(folder === null ? Array.from(event.dataTransfer.files, named) : await filesInFolder(folder));
  });
}

/** The files in a folder; what is no file has a name that the verifier refuses. */
async function filesInFolder(folder) {
  const reader = folder.createReader();
  const files = [];
  // It hands out a part at a time. One file too many is enough to be refused.
  while (files.length <= FILES_MAX) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) break;
    for (const entry of entries) {
      if (!entry.isFile) files.push({ name: `${entry.name}/`, blob: new Blob() });
      else files.push({ name: entry.name, blob: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    }
  }
  return files;
}

/** What people may have done wrong in choosing, or null. */
function choiceHint(files) {
  const names = files.map(({ name }) => name);
  if (names.some((name) => /\.zip$/i.test(name))) {
    return "This is a ZIP archive. Unpack it first, and then choose all files of the folder.";
  }
  return names.includes(MANIFEST) ? null
    : `There is no ${MANIFEST} among these files. Choose all files of the package’s folder at once.`;
}
