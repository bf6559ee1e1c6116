"""Acts of people on one plan: what each is, who may do it, its preview, its second person, and where it is kept."""
