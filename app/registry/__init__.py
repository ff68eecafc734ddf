"""Who may exchange: agencies, their certificates, what is trusted, and the clients that act for agencies.

`agencies` and `agency_import` change the directory, `directory` reads it; `certificates` and `trust` say whose
signature counts; `clients` says which system may act for which agency. Every change is one transaction that also
writes its event. Nothing here speaks HTTP, and nothing here decides about a document.
"""
