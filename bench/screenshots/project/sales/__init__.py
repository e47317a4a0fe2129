"""What the pictured site does besides its CRM."""
