// Swagger UI over this server's own description, from this server's own files.
window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: -1, // vLLM's are many, and each stands beside the routes that take it
  validatorUrl: null,
});
