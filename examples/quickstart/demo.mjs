import PocketBase from "pocketbase";
const [url = "http://127.0.0.1:8090", email = "admin@example.com", password = "1234567890"] = process.argv.slice(2);

// As superuser: a collection of notes that belong to the users who write them.
const admin = new PocketBase(url);
await admin.collection("_superusers").authWithPassword(email, password);
const { id: collectionId } = await admin.collections.getOne("users");
const mine = "author = @request.auth.id";
await admin.collections.import([{
  name: "notes", type: "base", listRule: mine, viewRule: mine, createRule: mine, fields: [
    { name: "text", type: "text" }, { name: "words", type: "number" },
    { name: "author", type: "relation", collectionId, maxSelect: 1, required: true }],
}]);

// As a user: sign up, sign in, write, find.
const pb = new PocketBase(url);
const ada = { email: `ada-${Date.now()}@example.com`, password: "correct horse" };
await pb.collection("users").create({ ...ada, passwordConfirm: ada.password });
const { record: me } = await pb.collection("users").authWithPassword(ada.email, ada.password);
await pb.collection("notes").create({ author: me.id, text: "A pocket is carried along" });
const found = await pb.collection("notes").getFullList({ filter: 'text ~ "pocket"', expand: "author" });
console.log(found.map((note) => `${note.text} (${note.words} words, by ${note.expand.author.id})`));
console.log(await pb.send("/quickstart/hello/Ada")); // a route of pb_hooks/quickstart.pb.ts
