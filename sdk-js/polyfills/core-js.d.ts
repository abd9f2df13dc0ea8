declare module "core-js-pure/web/url" {
  export default URL;
}
declare module "core-js-pure/web/url-search-params" {
  export default URLSearchParams;
}
declare module "core-js-pure/web/structured-clone" {
  export default structuredClone;
}
