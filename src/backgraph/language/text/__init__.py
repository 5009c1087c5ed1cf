"""The text front end: reading, solving for shapes, naming dimensions. `language.parse` joins the parts."""
