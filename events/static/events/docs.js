// The page to try the API at: Swagger UI over our own description.
"use strict";

const place = document.getElementById("swagger-ui");
// No validator: it would send the description to a server of others.
SwaggerUIBundle({ url: place.dataset.schema, domNode: place, docExpansion: "none", deepLinking: true, validatorUrl: null });
